package notify_test

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestNamesInjectNothing gives names that want to be headers, other recipients, or links.
func TestNamesInjectNothing(t *testing.T) {
	p := open(t, outbound.Connected, notify.Server{Host: "127.0.0.1", Port: 25, Security: notify.None, From: "qrsd@example.com"})
	evil := "Eve\r\nBcc: all@example.com\r\n\r\nhttps://evil.example.com/ www.evil.example.com/confirm \u202e\"<x@example.com>,"
	for _, n := range []directory.Notice{
		{Name: evil}, {TenantName: evil}, {Item: evil, Kind: directory.NoticePasskeyAdded}, {UserAgent: evil, Address: "192.0.2.1"}, {Address: evil},
	} {
		n.Email = "ada@example.com"
		if n.Kind == "" {
			n.Kind = directory.NoticePasswordChanged
		}
		written, err := p.sender.Written(n)
		p.must(err)
		parsed, err := mail.ReadMessage(strings.NewReader(written))
		p.must(err)
		to, err := parsed.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" || strings.ContainsAny(to[0].Name, "\r\n\u202e") {
			t.Errorf("%+v: To %v, %v", n, to, err)
		}
		if parsed.Header.Get("Bcc") != "" || len(parsed.Header["Subject"]) != 1 {
			t.Errorf("%+v: header %v", n, parsed.Header)
		}
		_, text := read(t, mailed{text: written})
		if strings.Contains(text, "https://evil") || strings.Contains(text, "evil.example") || strings.Contains(text, "\nBcc:") || strings.Contains(text, "\u202e") {
			t.Errorf("%+v: %s", n, text)
		}
	}
	for _, email := range []string{"ada@example.com>\r\nRCPT TO:<eve@example.com", "Ada <ada@example.com>", "ada@example.com, eve@example.com", ""} {
		if written, err := p.sender.Written(directory.Notice{Email: email, Kind: directory.NoticeEnabled}); err == nil || strings.Contains(err.Error(), "@") {
			t.Errorf("to %q: %v, %s", email, err, written)
		}
	}
}

// TestLetters reads the letter of every kind: it says which account and what to do, and has a token where it leads to one and nowhere else.
func TestLetters(t *testing.T) {
	subjects := map[string]bool{}
	for _, kind := range []directory.NoticeKind{
		directory.NoticeInvitation, directory.NoticePasswordReset, directory.NoticeAccountAdded, directory.NoticeOneTimePassword, directory.NoticePasswordChanged,
		directory.NoticeSecondFactorAdded, directory.NoticeSecondFactorRemoved, directory.NoticeSecondFactorReset, directory.NoticePasskeyAdded,
		directory.NoticePasskeyRemoved, directory.NoticeRecoveryCodeUsed, directory.NoticeRecoveryCodesNew, directory.NoticeRoleChanged,
		directory.NoticeDisabled, directory.NoticeEnabled, directory.NoticeAdministratorAdded, directory.NoticeBackupFailed, directory.NoticeDrillFailed, directory.NoticeBackupLeft, "of a later version",
	} {
		n := directory.Notice{
			Kind: kind, Email: "ada@example.com", Name: "Ada L.", TenantName: "Example Mutual", Role: store.Approver, Token: directory.NewSecret("t-o-k-e-n"),
			RecoveryCodes: 3, Item: "blue key", Address: "192.0.2.1", UserAgent: "Firefox", Created: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
			Expires: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
		}
		subject, text := notify.Letter(n, site)
		if subjects[subject] {
			t.Errorf("%s: subject %q is another's", kind, subject)
		}
		subjects[subject] = true
		leads := kind == directory.NoticeInvitation || kind == directory.NoticePasswordReset
		if strings.Contains(text, "t-o-k-e-n") != leads {
			t.Errorf("%s: token in %s", kind, text)
		}
		if !strings.HasPrefix(text, "Hello Ada L.,\n\n") || !strings.Contains(strings.ReplaceAll(text, "\n", " "), "Example Mutual") || !strings.Contains(text, "from 192.0.2.1") || strings.Contains(text, "Firefox") ||
			!strings.Contains(text, site) || !strings.Contains(text, "21 November 2026 09:00 UTC") {
			t.Errorf("%s: %s", kind, text)
		}
		for line := range strings.Lines(text) {
			if len([]rune(line)) > notify.LineWidth+1 && !strings.HasPrefix(line, site) {
				t.Errorf("%s: line %q is long", kind, line)
			}
		}
	}
	if _, text := notify.Letter(directory.Notice{Kind: directory.NoticeRecoveryCodeUsed, RecoveryCodes: 3}, site); !strings.Contains(text, "Codes left: 3.") || !strings.Contains(text, "the appliance itself") {
		t.Error(text)
	}
}

// TestOptions names what is wrong with a server.
func TestOptions(t *testing.T) {
	good := notify.Server{Host: "smtp.example.com", From: "qrsd@example.com"}
	if d := good.Destination(); d.Port != 587 || d.Purpose != notify.Purpose {
		t.Errorf("%+v", d)
	}
	secret := func() (directory.Secret, error) { return directory.NewSecret("x"), nil }
	dialer, err := outbound.New(outbound.Options{Log: &post{}})
	if err != nil {
		t.Fatal(err)
	}
	try := func(s notify.Server, site string) error {
		_, err := notify.New(notify.Options{Outbox: directory.Open(nil, directory.Options{}), URL: site, Server: s, Dialer: dialer, Log: hclog.NewNullLogger()})
		return err
	}
	if err := try(good, site); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*notify.Server)
		wants  string
	}{
		"host":          {func(s *notify.Server) { s.Host = "" }, "host"},
		"port":          {func(s *notify.Server) { s.Port = 70000 }, "port 70000"},
		"security":      {func(s *notify.Server) { s.Security = "ssl" }, `"ssl"`},
		"from":          {func(s *notify.Server) { s.From = "nobody" }, "from"},
		"two senders":   {func(s *notify.Server) { s.From = "a@example.com, b@example.com" }, "from"},
		"far and plain": {func(s *notify.Server) { s.Security = notify.None }, "smtp.example.com may be another host"},
		"plain":         {func(s *notify.Server) { s.Host, s.Security, s.User, s.Password = "localhost", notify.None, "u", secret }, "in the clear"},
		"user alone":    {func(s *notify.Server) { s.User = "u" }, "both or neither"},
		"password":      {func(s *notify.Server) { s.Password = secret }, "both or neither"},
	} {
		s := good
		c.change(&s)
		if err := try(s, site); err == nil || !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: %v, want %q", name, err, c.wants)
		}
	}
	for _, site := range []string{"", "http://qrsd.example.com", "qrsd.example.com"} {
		if err := try(good, site); err == nil {
			t.Errorf("address %q is taken", site)
		}
	}
	if _, err := notify.New(notify.Options{URL: site, Server: good}); err == nil {
		t.Error("nothing is taken")
	}
}

// TestSubjectsAreASCII keeps encoded words out of the subject: some filters read no others.
func TestSubjectsAreASCII(t *testing.T) {
	subject, _ := notify.Letter(directory.Notice{Kind: directory.NoticePasswordReset, TenantName: "Łódź Re"}, site)
	if mime.QEncoding.Encode("utf-8", subject) != subject {
		t.Errorf("subject %q", subject)
	}
}
