store { path = "a" }
smtp {
  host     = "smtp.example.com"
  security = "none"
  from     = "qrsd"
  password = "hunter2"
  server   = "x"
}
passwords {
  breached = "a.filter"
}
limits {
  requests "tenant" {}
  unlock {
    burst = 1.5
  }
  per_address = "256"
  body = "4MB"
  idle = "0s"
}
