listen = 
store {
  path = "a
  passphrase = "hunter2"
