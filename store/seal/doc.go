// Package seal holds the signature over a run's evidence: what is signed, in which form, and how somebody verifies
// it who has only the seal, the published keys and, if he wants, the result files.
//
// # What a seal is
//
// A seal is an in-toto Statement v1 in a DSSE envelope, signed with ECDSA P-256 over SHA-256. Its subjects are the result files
// by name and SHA-256, so that tools of others can check them. Its predicate ([Predicate]) names the program to the last
// module, the model, the portfolio, the spec, the canonical digest of every table, the estimate, and the place
// of the run's output in the tenant's ledger, with everything that proves it.
//
// A meta-seal ([MetaPredicate]) binds the 30 run seals of a release: a Merkle root over their envelopes, the plan and the report of
// the benchmark, and the release's tag. An independent laboratory adds its signature to the same envelope ([Countersign]);
// until then, and for runs that are not the protocol of record with every check passed, [MetaVerdict].SignOff says that it is pending.
//
// # One form
//
// Envelope and statement are canonical JSON (RFC 8785), signatures are DER with the smaller of the two values of s: the same evidence
// has the same bytes, and a byte that was changed anywhere is found. Key ids are the SHA-256 of the public key as SubjectPublicKeyInfo.
//
// # What it does not do
//
// It holds no private key but [LocalSigner]'s, reads no file, clock or network, and recomputes nothing (cmd/qrs-replay does). A
// valid seal says who vouched for what; whether the figures follow from the inputs only a recomputation says. The times in it are the
// appliance's word: whoever has a retired key can write an old time, and only a witness who kept the checkpoints would know.
//
// Sources: in-toto Attestation Framework, Statement v1; DSSE protocol v1.0.2 (secure-systems-lab/dsse); RFC 7517 and 7518 (JWK);
// RFC 5480 (SPKI); RFC 6979; RFC 6962 §2.1.
//
// Begin with Predicate, then Sign and Verify.
package seal
