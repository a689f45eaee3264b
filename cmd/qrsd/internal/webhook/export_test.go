package webhook

import "context"

// Round is one look into the outbox, with the sending of what is due.
func (s *Sender) Round(ctx context.Context) (more bool, err error) { return s.round(ctx) }
