package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

const site = "https://qrsd.example.com:8443"

// post is a directory on a real store whose messages go to a mail server.
type post struct {
	testing.TB
	*directory.Directory
	tenant store.ID
	admin  store.Principal
	sender *notify.Sender
	log    *lines

	mu  sync.Mutex
	at  time.Time
	net []outbound.Connection // that ended
}

type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// Opening and Ended are the record of connections.
func (p *post) Opening(outbound.Connection) error { return nil }
func (p *post) Ended(c outbound.Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.net = append(p.net, c)
}

func (p *post) now() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.at }

func (p *post) pass(d time.Duration) { p.mu.Lock(); defer p.mu.Unlock(); p.at = p.at.Add(d) }

func open(t testing.TB, mode outbound.Mode, server notify.Server) *post {
	t.Helper()
	p := &post{TB: t, at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), log: &lines{}}
	db := storetest.New(t, store.Options{Now: p.now})
	p.Directory = directory.Open(db, directory.Options{Now: p.now})
	p.tenant = storetest.AddTenant(t, db, "Example Mutual")
	p.admin = storetest.User(p.tenant, store.Admin)
	dialer, err := outbound.New(outbound.Options{Mode: mode, Allowed: []outbound.Destination{server.Destination()}, Log: p, Timeout: 2 * time.Second})
	p.must(err)
	p.sender, err = notify.New(notify.Options{
		Outbox: p.Directory, By: storetest.Operator(), URL: site, Server: server, Dialer: dialer,
		Log: hclog.New(&hclog.LoggerOptions{Output: p.log}), Every: 10 * time.Millisecond,
	})
	p.must(err)
	return p
}

func (p *post) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *post) invite(email, name string) {
	p.Helper()
	_, _, err := p.Invite(p.Context(), storetest.Operator(), p.tenant, directory.NewUser{Email: email, Name: name, Role: store.Modeler})
	p.must(err)
}

// outbox are the messages that were not sent.
func (p *post) outbox() []directory.Notice {
	p.Helper()
	page, err := p.Notices(p.Context(), p.admin, "", 1000)
	p.must(err)
	return page.Notices
}

// read parses a message and gives its text.
func read(t testing.TB, m mailed) (mail.Header, string) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(m.text))
	if err != nil {
		t.Fatal(err)
	}
	body := parsed.Body
	if parsed.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestInvitationArrives sends an invitation in each protected way, follows its link, and wants nothing left to send.
func TestInvitationArrives(t *testing.T) {
	for _, security := range []notify.Security{notify.StartTLS, notify.TLS, notify.None} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			server := serve(t, "127.0.0.1", security == notify.TLS)
			p := open(t, outbound.Connected, server.at(security))
			p.invite("ada@example.com", "Ada Łu")
			p.must(p.sender.Round(t.Context()))
			got := server.taken()
			if len(got) != 1 {
				t.Fatalf("%d messages arrived; outbox %+v; log %s", len(got), p.outbox(), p.log.text())
			}
			if m := got[0]; m.from != "qrsd@example.com" || m.to != "ada@example.com" || m.secured != (security != notify.None) || m.signedIn != (security != notify.None) {
				t.Errorf("%+v", m)
			}
			header, text := read(t, got[0])
			to, err := header.AddressList("To")
			if err != nil || len(to) != 1 || to[0].Name != "Ada Łu" {
				t.Errorf("To %v, %v", to, err)
			}
			if s := header.Get("Subject"); s != "You are invited" || header.Get("Auto-Submitted") != "auto-generated" || header.Get("User-Agent")+header.Get("X-Mailer") != "" {
				t.Errorf("header %v", header)
			}
			link := regexp.MustCompile(`(?m)^https://\S+$`).FindString(text)
			u, err := url.Parse(link)
			if err != nil || u.Host != "qrsd.example.com:8443" || u.Path != "/accept" {
				t.Fatalf("link %q in %s", link, text)
			}
			_, _, err = p.Accept(t.Context(), directory.NewSecret(u.Query().Get("token")), directory.NewSecret("copper lantern under nine bridges"), store.Source{Address: "198.51.100.7"})
			p.must(err)
			if left := p.outbox(); len(left) != 0 {
				t.Errorf("left in the outbox: %+v", left)
			}
			if strings.Contains(p.log.text(), "ada@") || strings.Contains(p.log.text(), u.Query().Get("token")) {
				t.Errorf("the log says too much: %s", p.log.text())
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.net) != 1 || p.net[0].Purpose != "e-mail" || p.net[0].Outcome != outbound.Opened || p.net[0].Sent == 0 {
				t.Errorf("record of connections %+v", p.net)
			}
		})
	}
}

// TestWhatIsNotSentStays shows every way in which a message is not sent: it stays in the outbox with a reason, its secrets were not said in the clear, and it
// goes out when its time has come and the server is well again.
func TestWhatIsNotSentStays(t *testing.T) {
	type at struct {
		server   notify.Server
		all      bool // the whole round fails, not the message
		wants    string
		overhear func() string
		heal     func()
	}
	refusing := func(code int, mutate func(*mailServer, error)) func(testing.TB) at {
		return func(t testing.TB) at {
			s := serve(t, "127.0.0.1", false)
			mutate(s, &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not now,\r\nada"})
			return at{server: s.at(notify.StartTLS), wants: fmt.Sprint(code), heal: func() { s.rcpt, s.data = nil, nil }}
		}
	}
	// A server that answers gets long, one that falls silent little.
	const long, little = 10 * time.Second, 300 * time.Millisecond
	plain := func(t testing.TB, n int, patience time.Duration) notify.Server {
		_, roots := certificate(t, "127.0.0.1")
		s := (&mailServer{host: "127.0.0.1", port: n, roots: roots}).at(notify.StartTLS)
		s.Timeout = patience
		return s
	}
	for name, begin := range map[string]func(testing.TB) at{
		"4xx to the recipient": refusing(450, func(s *mailServer, err error) { s.rcpt = func(string) error { return err } }),
		"5xx to the recipient": refusing(550, func(s *mailServer, err error) { s.rcpt = func(string) error { return err } }),
		"4xx to the message":   refusing(451, func(s *mailServer, err error) { s.data = func(string) error { return err } }),
		"5xx to the message":   refusing(554, func(s *mailServer, err error) { s.data = func(string) error { return err } }),
		"other host's certificate": func(t testing.TB) at {
			s := serve(t, "mail.example.org", false)
			return at{server: s.at(notify.StartTLS), all: true, wants: "127.0.0.1"}
		},
		"other host's certificate, TLS": func(t testing.TB) at {
			s := serve(t, "mail.example.org", true)
			return at{server: s.at(notify.TLS), all: true, wants: "127.0.0.1"}
		},
		"unknown authority": func(t testing.TB) at {
			s := serve(t, "127.0.0.1", false)
			_, s.roots = certificate(t, "127.0.0.1")
			return at{server: s.at(notify.StartTLS), all: true, wants: "unknown authority"}
		},
		"wrong password": func(t testing.TB) at {
			s := serve(t, "127.0.0.1", false)
			to := s.at(notify.StartTLS)
			to.Password = func() (directory.Secret, error) { return directory.NewSecret("of before"), nil }
			return at{server: to, all: true, wants: "Authentication failed"}
		},
		"password that cannot be read": func(t testing.TB) at {
			s := serve(t, "127.0.0.1", false)
			to := s.at(notify.StartTLS)
			to.Password = func() (directory.Secret, error) { return directory.Secret{}, errors.New("smtp.password: gone") }
			return at{server: to, all: true, wants: "smtp.password: gone"}
		},
		"no STARTTLS": func(t testing.TB) at {
			s := recite(t, "220 mail.example.com\r\n", "250-mail.example.com\r\n250 AUTH PLAIN LOGIN\r\n")
			return at{server: plain(t, s.port, long), all: true, wants: "STARTTLS", overhear: s.text}
		},
		"STARTTLS taken back": func(t testing.TB) at {
			s := recite(t, "220 mail.example.com\r\n", "250-mail.example.com\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", "454 TLS is not available\r\n", "250 go on\r\n", "235 you are in\r\n", "250 yes\r\n")
			return at{server: plain(t, s.port, long), all: true, wants: "454", overhear: s.text}
		},
		"replies before TLS": func(t testing.TB) at {
			s := recite(t, "220 mail.example.com\r\n", "250-mail.example.com\r\n250 STARTTLS\r\n", "220 go\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n235 you are in\r\n")
			return at{server: plain(t, s.port, little), all: true, wants: "timeout", overhear: s.text}
		},
		"no mail server": func(t testing.TB) at {
			s := recite(t, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return at{server: plain(t, s.port, long), all: true, wants: "mail server 127.0.0.1"}
		},
		"silence": func(t testing.TB) at {
			s := recite(t, "")
			return at{server: plain(t, s.port, little), all: true, wants: "timeout"}
		},
		"silence to EHLO": func(t testing.TB) at {
			s := recite(t, "220 mail.example.com\r\n")
			return at{server: plain(t, s.port, little), all: true, wants: "timeout"}
		},
		"nobody there": func(t testing.TB) at {
			s := serve(t, "127.0.0.1", false)
			s.stop()
			return at{server: s.at(notify.StartTLS), all: true, wants: "refused"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := begin(t)
			p := open(t, outbound.Connected, a.server)
			p.invite("ada@example.com", "Ada L.")
			token := p.outbox()[0].Token.Reveal()
			if err := p.sender.Round(t.Context()); (err != nil) != a.all || err != nil && !strings.Contains(err.Error(), a.wants) {
				t.Fatalf("the round says %v, want an error: %v, of %q", err, a.all, a.wants)
			}
			left := p.outbox()
			if len(left) != 1 || left[0].Attempts != 1 || !strings.Contains(left[0].Failure, a.wants) || strings.ContainsAny(left[0].Failure, "\r\n") {
				t.Fatalf("outbox %+v, want the reason %q", left, a.wants)
			}
			if strings.Contains(p.log.text(), "ada@") || strings.Contains(p.log.text(), "Ada") || strings.Contains(left[0].Failure+p.log.text(), token) || strings.Contains(left[0].Failure+p.log.text(), mailPassword) {
				t.Errorf("too much is said: log %s, failure %s", p.log.text(), left[0].Failure)
			}
			if a.overhear != nil {
				for _, secret := range []string{token, "ada@", "AUTH", mailPassword} {
					if strings.Contains(a.overhear(), secret) {
						t.Errorf("said in the clear: %q", a.overhear())
					}
				}
			}
			p.must(p.sender.Round(t.Context()))
			if again := p.outbox(); again[0].Attempts != 1 {
				t.Errorf("tried again at once: %+v", again)
			}
			p.pass(2 * time.Minute)
			if a.heal == nil {
				return
			}
			a.heal()
			p.must(p.sender.Round(t.Context()))
			if left := p.outbox(); len(left) != 0 {
				t.Errorf("left in the outbox after the server is well: %+v", left)
			}
		})
	}
}

// TestOneBadMessageHoldsUpNoOther has the server break the connection, or fall silent, over one recipient.
func TestOneBadMessageHoldsUpNoOther(t *testing.T) {
	for name, bad := range map[string]func(*testing.T) error{
		"goodbye": func(*testing.T) error {
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "leaving"}
		},
		"silence": func(t *testing.T) error { <-t.Context().Done(); return errors.New("late") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, "127.0.0.1", false)
			server.data = func(to string) error {
				if to == "eve@example.com" {
					return bad(t)
				}
				return nil
			}
			to := server.at(notify.StartTLS)
			to.Timeout = 2 * time.Second
			p := open(t, outbound.Connected, to)
			for _, who := range []string{"ada", "eve", "bob", "cyd"} {
				p.invite(who+"@example.com", who)
			}
			p.must(p.sender.Round(t.Context()))
			if left := p.outbox(); len(left) != 1 || left[0].Email != "eve@example.com" || left[0].Failure == "" {
				t.Errorf("left in the outbox: %+v", left)
			}
			if got := server.taken(); len(got) != 3 {
				t.Errorf("%d messages arrived, want 3", len(got))
			}
		})
	}
}

// TestBreakingServerIsLeft wants few connections to a server that breaks every one.
func TestBreakingServerIsLeft(t *testing.T) {
	server := serve(t, "127.0.0.1", false)
	server.data = func(string) error {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "leaving"}
	}
	p := open(t, outbound.Connected, server.at(notify.StartTLS))
	for i := range 12 {
		p.invite(fmt.Sprintf("u%d@example.com", i), "U")
	}
	if err := p.sender.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "again and again") {
		t.Error(err)
	}
	if left := p.outbox(); len(left) != 12 || left[11].Failure == "" {
		t.Errorf("%d left: %+v", len(left), left)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.net) != 4 {
		t.Errorf("%d connections, want 4", len(p.net))
	}
}

// TestModesWithoutMail wants messages untouched, and nothing dialled, where the appliance may not reach a mail server.
func TestModesWithoutMail(t *testing.T) {
	for _, mode := range []outbound.Mode{outbound.AirGapped, outbound.Hybrid} {
		p := open(t, mode, serve(t, "127.0.0.1", false).at(notify.StartTLS))
		p.invite("ada@example.com", "Ada L.")
		p.must(p.sender.Round(t.Context()))
		if left := p.outbox(); len(left) != 1 || left[0].Attempts != 0 {
			t.Errorf("%s: outbox %+v", mode, left)
		}
		if len(p.net) != 0 {
			t.Errorf("%s: connections %+v", mode, p.net)
		}
	}
}

// TestRunEnds stops a sender while the server is silent, and while there is nothing to do.
func TestRunEnds(t *testing.T) {
	silent := recite(t, "")
	_, roots := certificate(t, "127.0.0.1")
	server := (&mailServer{host: "127.0.0.1", port: silent.port, roots: roots}).at(notify.StartTLS)
	server.Timeout = time.Hour
	p := open(t, outbound.Connected, server)
	p.invite("ada@example.com", "Ada L.")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.sender.Run(ctx) }()
	for range 1000 {
		if left := p.outbox(); len(left) == 1 && left[0].Attempts == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on after its context has ended")
	}
	if left := p.outbox(); len(left) != 1 || left[0].Failure != "" {
		t.Errorf("outbox %+v", left)
	}
}

// TestRunSends wants messages that come while it runs sent, and a server's restart waited out.
func TestRunSends(t *testing.T) {
	server := serve(t, "127.0.0.1", true)
	p := open(t, outbound.Connected, server.at(notify.TLS))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.sender.Run(ctx) }()
	p.invite("ada@example.com", "Ada L.")
	p.invite("bob@example.com", "Bob")
	for range 1000 {
		if len(server.taken()) == 2 && len(p.outbox()) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	if got := server.taken(); len(got) != 2 {
		t.Errorf("%d messages arrived, want 2; log %s", len(got), p.log.text())
	}
}

func BenchmarkRound(b *testing.B) {
	server := serve(b, "127.0.0.1", true)
	p := open(b, outbound.Connected, server.at(notify.TLS))
	const messages = 100
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		for i := range messages {
			p.invite(fmt.Sprintf("u%d.%d@example.com", round, i), "U")
		}
		b.StartTimer()
		if err := p.sender.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(messages*b.N)/b.Elapsed().Seconds(), "messages/s")
}
