store { path = "a" }
smtp {
  host     = "smtp.example.com"
  security = "none"
  from     = "qrsd@example.com"
}
