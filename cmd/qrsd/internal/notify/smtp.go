package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory"
)

// postman brings messages to a server.
type postman struct {
	server   Server
	dialer   *outbound.Dialer
	greeting string
	site     string // the appliance's address
}

// call is one connection to the server.
type call struct {
	postman *postman
	client  *gomail.Client
	conn    net.Conn
	abort   func() bool // takes back that the context closes the connection
}

// call connects and signs in. From then on the end of ctx closes the connection, whatever the server is at.
func (p *postman) call(ctx context.Context) (*call, error) {
	c := &call{postman: p}
	s := p.server.filled()
	dial := func(limited context.Context, _, _ string) (net.Conn, error) {
		conn, err := p.dialer.Dial(limited, Purpose, s.Host, s.Port)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		c.abort = context.AfterFunc(ctx, func() { _ = conn.Close() })
		if s.Security != TLS {
			return conn, nil
		}
		secured := tls.Client(conn, s.secrecy())
		return secured, secured.HandshakeContext(limited)
	}
	var err error
	if c.client, err = p.client(s, dial); err == nil {
		err = c.client.DialWithContext(ctx)
	}
	if err != nil {
		c.cut()
		return nil, fmt.Errorf("mail server %s: %w", s.Destination(), err)
	}
	return c, nil
}

// secrecy is TLS as the server must speak it.
func (s Server) secrecy() *tls.Config {
	return &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots}
}

// client is the library's, with TLS or nothing, and no password without it.
func (p *postman) client(s Server, dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSMandatory
	switch s.Security {
	case TLS: // which dial began: the library then finds that there is TLS, and no offer to begin it
		policy = gomail.TLSOpportunistic
	case None:
		policy = gomail.NoTLS
	}
	client, err := gomail.NewClient(s.Host, gomail.WithDialContextFunc(dial), gomail.WithPort(s.Port), gomail.WithTLSPolicy(policy),
		gomail.WithTLSConfig(s.secrecy()), gomail.WithTimeout(s.Timeout), gomail.WithHELO(p.greeting))
	if err != nil || s.User == "" {
		return client, err
	}
	password, err := s.Password()
	if err != nil {
		return nil, fmt.Errorf("password of %s: %w", s.User, err)
	}
	client.SetUsername(s.User)
	client.SetPassword(password.Reveal())
	return client, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin)(client)
}

// deliver hands one message over. lost says that the connection is good for no other.
func (c *call) deliver(n directory.Notice) (lost bool, err error) {
	m, err := c.postman.message(n)
	if err != nil {
		return false, err
	}
	err = c.client.Send(m)
	if m.IsDelivered() { // an error after that is one of the connection
		return err != nil, nil
	}
	var said *gomail.SendError
	if err == nil || !errors.As(err, &said) {
		return true, errors.New("the mail server took no message and gave no reason")
	}
	const goodbye = 421 // RFC 5321 §3.8
	return said.ErrorCode() == 0 || said.ErrorCode() == goodbye, err
}

// message is the mail that a notice becomes. Retries have the same Message-ID.
func (p *postman) message(n directory.Notice) (*gomail.Msg, error) {
	from, err := mail.ParseAddress(p.server.From)
	if err != nil {
		return nil, err
	}
	if to, err := mail.ParseAddress(n.Email); err != nil || to.Address != n.Email {
		return nil, errors.New("the user's e-mail address is none that mail can be sent to: change it") // without it: the reason is kept
	}
	subject, body := letter(n, p.site)
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	m.AddToMailAddress(&mail.Address{Name: oneLine(n.Name), Address: n.Email})
	m.Subject(subject)
	m.SetDateWithValue(n.Created)
	m.SetMessageIDWithValue(n.ID.String() + "@" + domain(from.Address))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nothing answers it
	m.SetBodyString(gomail.TypeTextPlain, body)
	return m, nil
}

// hangUp says goodbye.
func (c *call) hangUp() {
	if c.abort() { // otherwise it is closed already
		_ = c.client.Close()
	}
	c.cut()
}

// cut closes the connection, which the library leaves open where it gives up.
func (c *call) cut() {
	if c.conn != nil {
		c.abort()
		_ = c.conn.Close()
	}
}
