store {
  path       = "a"
  key_file   = "b"
  passphrase = env("C")
}
tls {
  certificate = "a.pem"
}
