// Package kms wraps the store's root key with a symmetric key in AWS Key Management Service, and has seals signed by an
// asymmetric one; neither ever leaves it. It holds [Key], an adapter for keyring.External over the operations Encrypt and Decrypt,
// and [SealKey], a seal.Signer over GetPublicKey and Sign. It opens no connection by itself:
// every request goes through the *http.Client it is given (internal/outbound's), and it finds no credentials.
//
// Each wrapped key is bound to an encryption context, which AWS authenticates and writes into CloudTrail in the clear: the
// install's random id, the purpose, the generation of the root key. What a principal needs is kms:Encrypt and kms:Decrypt on the one
// key; a key policy can hold it to the context with kms:EncryptionContext:install.
//
// Package kmstest is the service for tests. Begin at [New] and [OpenSealKey].
//
// Source: AWS KMS API reference (2014-11-01), Encrypt, Decrypt, GetPublicKey and Sign; AWS KMS developer guide, "Encryption context".
package kms
