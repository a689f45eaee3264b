package wire

// Page is a part of a list: what GET of a collection answers. A list is in a fixed order; what is added meanwhile comes at its end or not
// at all, and nothing comes twice.
type Page[T any] struct {
	Items []T `json:"items"` // never null
	// NextCursor asks for what follows, as ?cursor=...; absent at the end. It means nothing to the client. The same is in the
	// header Link, rel="next".
	NextCursor string `json:"next_cursor,omitempty"`
}
