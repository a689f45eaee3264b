listen = 1e999999999
hosts  = ["a", 1 + 1, [for x in ["b"] : x]]
mode   = "x${1e999999999}"
url    = { (1e999999999) = 1 }
store {
  path       = true ? "a" : "b"
  passphrase = file(1e999999999)
  max_size   = "${"4GiB"}"
}
limits {
  connections = 1e999999999
  per_address = -8
}
