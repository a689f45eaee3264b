package egress

import "context"

// Record is one exchange with the outer world, byte for byte.
type Record struct {
	Purpose     string // the operation, such as CreateQuantumTask
	Destination string // host and port of the other side
	Request     []byte // as written to the connection, before encryption
	Response    []byte // as read from it; nil before Finish, and where none came
	Failure     string // why there is no response; "" if there is
}

// ID names a record within its journal.
type ID string

// Journal keeps records of what left. It is a write-ahead record: whoever sends calls Begin first and sends nothing
// unless Begin has returned without error, and calls Finish with the outcome, whatever it was.
//
// An implementation must make the record durable before Begin returns, must keep its entries in a hash chain (Chain, for
// those that write lines), and must be safe for use by several goroutines. An id without a Finish is an exchange
// whose outcome is unknown: the request may have left.
type Journal interface {
	// Begin writes down Purpose, Destination and Request of a request that is about to be sent.
	Begin(ctx context.Context, r Record) (ID, error)
	// Finish adds Response or Failure to the record of Begin. Cancelling ctx must not lose it.
	Finish(ctx context.Context, id ID, r Record) error
}
