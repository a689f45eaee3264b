listen = env("ADDRESS")
hosts  = [file("hosts")]
store {
  path       = "${file("store.path")}"
  passphrase = "hunter${"2"}"
  key        = "-----BEGIN PRIVATE KEY-----"
}
tls {
  key         = <<-PEM
    -----BEGIN PRIVATE KEY-----
    hunter2
    -----END PRIVATE KEY-----
    PEM
  certificate = variable.certificate
  client_ca   = secret("x")
}
