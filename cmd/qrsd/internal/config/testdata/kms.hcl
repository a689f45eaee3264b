mode = "hybrid"
store {
  path = "a"
  kms {
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}
