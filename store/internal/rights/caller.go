package rights

// Caller is someone who asks to be let in and is not yet a Principal: all that is known is where the request came from.
// Only packages of the store can make one, because with it they may read the records that decide who it is.
type Caller struct {
	source Source
	made   bool
}

// Unidentified is a caller with that source.
func Unidentified(s Source) Caller { return Caller{s, true} }

// Source is where the request came from.
func (c Caller) Source() Source { return c.source }

// Valid reports whether Unidentified made the caller.
func (c Caller) Valid() bool { return c.made }
