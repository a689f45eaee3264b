lisen = "x:1"
listen = "qrsd.example.com:443"
mode = "offline"
certificate = "a.pem"
tls = "x"
store {
  path = ""
  passphrase = "hunter2 is my secret"
  kms { 
    key = "arn"
    region = "x"
  }
}
limits {
  sign_in "acount" { 
    burst = 0 
  }
  sign_in "all" { 
    burst = 0 
    every = "3"
  }
}
log { 
 level = "loud" 
}
log {}
outbound { 
  destination "e-mail" { 
    host = file("x")
    port = 70000
    local = 1
  } 
  destination {} 
  proxy = "http://u:pw@h:1"
}
hosts = ["a", 3, null]
trusted_proxies = "all"
