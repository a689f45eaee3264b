package notify

import (
	"bytes"
	"context"

	"github.com/qrsrisk/qrsd/store/directory"
)

// Round is one look into the outbox.
func (s *Sender) Round(ctx context.Context) error { return s.round(ctx) }

// Written is a message as it goes over the wire.
func (s *Sender) Written(n directory.Notice) (string, error) {
	m, err := s.mail.message(n)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = m.WriteTo(&b)
	return b.String(), err
}

// Letter is letter.
func Letter(n directory.Notice, site string) (subject, body string) { return letter(n, site) }

// LineWidth is lineWidth.
const LineWidth = lineWidth
