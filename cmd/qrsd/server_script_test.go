package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of testdata/script/server-*.txtar and of docs/server.md, besides testscript's own. A script has one server at a time, and
// one client with a jar for its cookie.

type serverKey struct{}

// scriptServer is the server of a script.
type scriptServer struct {
	command *exec.Cmd
	log     string // path
	said    int    // bytes of the log that await has passed
	ended   chan error
	url     string
	client  *http.Client
}

func serverCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"serve": serve, "signal": signalServer, "ended": serverEnded, "await": awaitLog, "request": request, "traffic": traffic, "set-up": setUp, "api-key": apiKey, "audited": audited,
	}
}

func serverOf(ts *testscript.TestScript) *scriptServer { return ts.Value(serverKey{}).(*scriptServer) }

// serve [-socket] [args...] starts qrsd server with these arguments, as systemd does with -socket, and waits until it serves. Its log is
// the file server.log; $URL and $CODE are its address and set-up code, as far as the log has them.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	s := serverOf(ts)
	if neg || s.ended != nil {
		ts.Fatalf("usage: serve [-socket] [args...], while no server runs")
	}
	s.log, s.said = ts.MkAbs("server.log"), 0
	log, err := os.Create(s.log)
	ts.Check(err)
	defer log.Close()
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(filepath.ListSeparator))[0], "qrsd"))
	ts.Check(err)
	socket := len(args) > 0 && args[0] == "-socket"
	if socket {
		args = args[1:]
	}
	s.command = exec.Command(program, append([]string{"server"}, args...)...)
	s.command.Dir, s.command.Stderr = ts.MkAbs("."), log
	s.command.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "AWS_ACCESS_KEY_ID=" + ts.Getenv("AWS_ACCESS_KEY_ID"), "AWS_SECRET_ACCESS_KEY=" + ts.Getenv("AWS_SECRET_ACCESS_KEY")}
	if socket {
		s.inherit(ts, program)
	}
	ts.Check(s.command.Start())
	s.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan error) { ended <- c.Wait() }(s.command, s.ended)
	ts.Defer(func() { s.kill() })
	line := s.await(ts, `"serving".*`)
	s.url = regexp.MustCompile(`"url":"(https://[^"]+)"`).FindStringSubmatch(line)[1]
	ts.Setenv("URL", s.url)
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	s.client = &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	if strings.Contains(line, `"store":"unlocked"`) {
		if code := s.code(); code != "" {
			ts.Setenv("CODE", code)
		}
	}
}

// code is the set-up code, once the log has it; "" where the appliance is set up.
func (s *scriptServer) code() string {
	pattern := regexp.MustCompile(`"set_up_code":"([^"]+)"`)
	for tries := range 3000 {
		text, _ := os.ReadFile(s.log)
		if found := pattern.FindSubmatch(text); found != nil {
			return string(found[1])
		}
		if tries%20 == 19 && s.isSetUp() {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ""
}

// isSetUp reports whether the page for setting up leads elsewhere.
func (s *scriptServer) isSetUp() bool {
	reply, err := s.client.Get(s.url + "/setup")
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	return reply.StatusCode == http.StatusOK && reply.Request.URL.Path != "/setup"
}

// inherit hands an open socket over in the manner of sd_listen_fds(3). A shell sets the number of the process.
func (s *scriptServer) inherit(ts *testscript.TestScript, program string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer func() { _ = l.Close() }() // it only held the port
	file, err := l.(*net.TCPListener).File()
	ts.Check(err)
	ts.Defer(func() { file.Close() })
	ts.Setenv("SOCKET", l.Addr().String())
	s.command.Path, s.command.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, program}, s.command.Args[1:]...)
	s.command.Env = append(s.command.Env, "LISTEN_FDS=1")
	s.command.ExtraFiles = []*os.File{file}
}

func (s *scriptServer) kill() {
	if s.ended != nil {
		_ = s.command.Process.Kill()
		<-s.ended
		s.ended = nil
	}
}

// await waits for what matches in the part of the log that was not awaited yet.
func (s *scriptServer) await(ts *testscript.TestScript, pattern string) string {
	p := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		text, err := os.ReadFile(s.log)
		ts.Check(err)
		if at := p.FindIndex(text[s.said:]); at != nil && bytes.IndexByte(text[s.said+at[0]:], '\n') >= 0 {
			found := text[s.said+at[0] : s.said+at[1]]
			s.said += at[1]
			return string(found)
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			ts.Fatalf("the server ended (%v); its log:\n%s", err, text)
		default:
		}
	}
	text, _ := os.ReadFile(s.log)
	ts.Fatalf("no %q in a minute; the log:\n%s", pattern, text)
	return ""
}

// await PATTERN waits until the log says it, after what was awaited last.
func awaitLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await PATTERN")
	}
	serverOf(ts).await(ts, args[0])
}

// signal HUP|TERM|KILL sends a signal to the server.
func signalServer(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	if neg || len(args) != 1 || signals[args[0]] == nil {
		ts.Fatalf("usage: signal HUP|TERM|KILL")
	}
	ts.Check(serverOf(ts).command.Process.Signal(signals[args[0]]))
}

// ended CODE waits for the end of the server and wants this exit code of it, -1 for a signal.
func serverEnded(ts *testscript.TestScript, neg bool, args []string) {
	s := serverOf(ts)
	if neg || len(args) != 1 || s.ended == nil {
		ts.Fatalf("usage: ended CODE, while a server runs")
	}
	select {
	case err := <-s.ended:
		s.ended = nil
		var exit *exec.ExitError
		got := 0
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		} else {
			ts.Check(err)
		}
		if strconv.Itoa(got) != args[0] {
			text, _ := os.ReadFile(s.log)
			ts.Fatalf("exit code %d, want %s; the log:\n%s", got, args[0], text)
		}
	case <-time.After(time.Minute):
		ts.Fatalf("the server has not ended in a minute")
	}
}

// request STATUS METHOD PATH [BODY] asks the server and wants this status; the reply is written to the file reply.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: request STATUS METHOD PATH [BODY]")
	}
	body := ""
	if len(args) == 4 {
		body = args[3]
	}
	status, reply, err := serverOf(ts).ask(args[1], args[2], body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("reply"), reply, 0o600))
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s %s: status %d, want %s: %s", args[1], args[2], status, args[0], reply)
	}
}

func (s *scriptServer) ask(method, path, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply.StatusCode, text, err
}

// traffic N asks for the caller's own account from four clients, and returns once N requests were answered; they go on until the
// server is gone.
func traffic(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: traffic N")
	}
	s, answered := serverOf(ts), make(chan int)
	stop := make(chan struct{})
	ts.Defer(func() { close(stop) })
	for range 4 {
		go func() {
			for err := error(nil); err == nil; {
				var status int
				if status, _, err = s.ask("GET", "/api/v1/me", ""); err != nil {
					return // the server is gone
				}
				select {
				case answered <- status:
				case <-stop:
				case <-time.After(100 * time.Millisecond): // nobody counts any more
				}
			}
		}()
	}
	for range n {
		select {
		case status := <-answered:
			if status != http.StatusOK {
				ts.Fatalf("status %d", status)
			}
		case <-time.After(time.Minute):
			ts.Fatalf("no answer in a minute")
		}
	}
}

// audited N ACTION wants at least N entries of the action in the appliance's audit log, where nobody has the store.
func audited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: audited N ACTION")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(ts.Exec("qrsd", "audit", "list", "--store", "data/store", "--key-file", "key/store.key", "--action", args[1], "--limit", "10000", "--json"))
	var entries []json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &entries))
	if len(entries) < want {
		ts.Fatalf("%d entries of %s, and %d requests were answered", len(entries), args[1], want)
	}
}

// set-up [MODE] gives the set-up page's answers to the API, enrols the operator's second factor, and leaves what is shown once in the files
// operator.secret, recovery and invitation. The client is signed in.
func setUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: set-up [MODE]")
	}
	s := serverOf(ts)
	const password = "seven marble lamps sing"
	var done struct {
		Invitation   struct{ Token string }
		RecoveryCode string `json:"recovery_code"`
	}
	what := map[string]any{
		"code": ts.Getenv("CODE"), "operator": map[string]string{"email": "op@example.com", "name": "Op"}, "password": password,
		"tenant": "Gulf Mutual", "administrator": map[string]string{"email": "ada@example.com", "name": "Ada"},
	}
	if len(args) == 1 {
		what["mode"] = args[0]
	}
	s.must(ts, "POST", "/api/v1/setup", what, &done)
	var enrolment struct{ Secret string }
	s.must(ts, "POST", "/api/v1/me/second-factor", map[string]string{"password": password}, &enrolment)
	s.must(ts, "POST", "/api/v1/me/second-factor/confirm", map[string]string{"code": oneTimeCode(ts, enrolment.Secret, time.Now())}, nil)
	s.must(ts, "POST", "/api/v1/session/step-up", map[string]string{"password": password, "code": oneTimeCode(ts, enrolment.Secret, time.Now().Add(30*time.Second))}, nil)
	for name, text := range map[string]string{"operator.secret": enrolment.Secret, "recovery": done.RecoveryCode, "invitation": done.Invitation.Token} {
		if text == "" {
			ts.Fatalf("set-up gave no %s", name)
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text+"\n"), 0o600))
	}
}

// api-key SCOPES makes an API key of the caller's, and writes the file key.header.
func apiKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: api-key SCOPES")
	}
	var made struct{ Secret string }
	serverOf(ts).must(ts, "POST", "/api/v1/api-keys", map[string]any{"name": "program", "scopes": strings.Split(args[0], ",")}, &made)
	ts.Check(os.WriteFile(ts.MkAbs("key.header"), []byte("Authorization: Bearer "+made.Secret+"\n"), 0o600))
}

// must asks and takes a good reply apart.
func (s *scriptServer) must(ts *testscript.TestScript, method, path string, body, into any) {
	text, err := json.Marshal(body)
	ts.Check(err)
	status, reply, err := s.ask(method, path, string(text))
	ts.Check(err)
	if status >= 300 {
		ts.Fatalf("%s %s: %d %s", method, path, status, reply)
	}
	if into != nil {
		ts.Check(json.Unmarshal(reply, into))
	}
	if err := os.WriteFile(ts.MkAbs("reply"), reply, 0o600); err != nil {
		ts.Fatalf("%v", fmt.Errorf("keeping the reply: %w", err))
	}
}

// oneTimeCode is what an authenticator application shows at that time (RFC 6238, RFC 4226 section 5.3).
func oneTimeCode(t interface{ Fatalf(string, ...any) }, secret string, at time.Time) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatalf("the secret of the second factor: %v", err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&0x7fffffff%1_000_000)
}
