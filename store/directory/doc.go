// Package directory knows the people of a tenant and how they prove who they are: users and their roles, passwords, second
// factors, sessions, API keys, invitations and the tenant's policy on them; the operators of the appliance, who are the users of
// the tenant [store.Appliance]; and the messages to all of them that are still to be sent. A second factor is an authenticator
// application or a passkey; a passkey alone is both factors.
//
// It is one of the packages that make a store.Principal, which it does after a proof: [Directory.SignIn], [Directory.SignInSecond],
// [Directory.SignInWithPasskey], [Directory.Session], [Directory.APIKey], [Directory.Accept]; and [HostOperator] for whoever works on the appliance's host, whose proof is the key
// that unlocked the store. What a Principal may then do is the store's table. It keeps no permissions of its own, sends no
// mail and knows neither cookies nor HTTP.
//
// # Rules
//
// Every verb is one transaction and one entry in the tenant's audit log, refused ones too. Whoever is not found in any tenant
// is entered in the appliance's log. Looking at a session or an API key leaves no entry: what the caller then does, does.
// When sessions and keys were last used is written every five minutes, one transaction a tenant.
//
// Nothing of a person is in a key of the database. E-mail addresses are found by keyed hash, session tokens, API keys, passkeys and
// invitations too; of tokens only the SHA-256 is kept, of passwords Argon2id. A message that leads somewhere holds its token,
// encrypted like all records, until it is sent.
//
// What somebody should hear of writes its message in the same transaction (notice.go): there is one for each such change, and none
// for a change that failed.
//
// A wrong address, a wrong password, an account without password, a wrong code and a passkey's answer that does not hold are one error, [ErrWrongCredentials], after
// the same work. That an account is disabled, or needs its second factor, is said after the right password only.
//
// A session knows when its owner last gave all factors that the account has. What asks for a fresh proof wants that to be at
// most [StepUpLife] ago; [Directory.StepUp] makes it so.
//
// Ceremonies of passkeys, and tickets that stand for a password that was right, are kept in memory only: bounded in number, for
// five minutes, good once.
//
// A user whose password was set by another, or who must have a second factor and has none, gets a principal that may do no
// more than put that right ([Directory.Self] says what it is).
//
// Begin with Directory.SignIn; with [Directory.SetUp] for how the first users come about.
package directory
