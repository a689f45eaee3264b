package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

//go:embed testdata/axe-core-4.14.1.min.js.gz
var axe []byte

// patience is how long a test waits for the browser to do a thing.
const patience = time.Minute

// origin is where the pages are in the browser of tests, which is led from it to the listener.
const origin = "https://" + host

// withPasskeys gives the appliance passkeys at the address of the tests' browser.
func withPasskeys(_ *web.Options, o *directory.Options) {
	o.RelyingParty = directory.RelyingParty{ID: host, Name: "Test appliance", Origins: []string{origin}}
}

// browser is Chromium with one tab, and what it complained of.
type browser struct {
	*appliance
	ctx        context.Context //nolint:containedctx // to chromedp a tab is its context
	scriptless bool
	mu         sync.Mutex
	faults     []string
	expects    map[int64]bool // statuses of scripts' requests that the test wants to see
}

// chromium finds the browser, or skips the test; where CHROMIUM=required, it fails it.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CHROMIUM") == "required" {
		t.Fatal("no Chromium found; install chromium")
	}
	t.Skip("no Chromium found; install chromium to test pages as people use them")
	return ""
}

// browse starts a browser whose only way leads to the appliance, and wants it to end without a complaint. Only the appliance's own
// key is trusted beyond the authorities; everything else about certificates holds.
func (a *appliance) browse() *browser {
	a.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(a.TB)), chromedp.NoSandbox, chromedp.WindowSize(1440, 900), chromedp.UserDataDir(a.TempDir()),
		chromedp.Flag("host-resolver-rules", fmt.Sprintf("MAP %s:443 %s, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", host, a.address)),
		chromedp.Flag("ignore-certificate-errors-spki-list", a.keyDigest()),
		chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,PasswordLeakDetection"),
		chromedp.Flag("force-prefers-reduced-motion", true),
	)
	allocator, cancelAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, cancelTime := context.WithTimeout(ctx, 6*time.Minute)
	b := &browser{appliance: a, ctx: ctx, expects: map[int64]bool{}}
	b.must(chromedp.Listen(ctx, b.hear))
	a.Cleanup(func() { cancelTime(); cancel(); cancelAll() })
	a.Cleanup(b.complaints)
	return b
}

// keyDigest is how Chromium names a key: the SHA-256 of its SubjectPublicKeyInfo.
func (a *appliance) keyDigest() string {
	a.Helper()
	c := a.dial()
	defer func() { _ = c.Close() }()
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hear keeps what a page must never do: break the policy, ask another origin for anything, write an error to the console, fail to
// load a part of itself.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complain := func(format string, args ...any) { b.faults = append(b.faults, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, origin+"/") && !strings.HasPrefix(e.Request.URL, "about:") {
			complain("request to another origin: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 && !b.expects[e.Response.Status] {
			complain("%s answered %d", e.Response.URL, e.Response.Status)
		}
	case *cdplog.EventEntryAdded:
		// The status of a reply is judged above.
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			complain("log: %s: %s", e.Entry.Source, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			complain("console: %s", e.Args[0].Value)
		}
	case *runtime.EventExceptionThrown:
		complain("exception: %s", e.ExceptionDetails.Text)
	}
}

// complaints fails the test with all that was heard.
func (b *browser) complaints() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.Error(fault)
	}
	b.faults = nil
}

// do runs actions, or fails the test with what the page shows.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	b.settled(func(ctx context.Context) error { return chromedp.Do(ctx, actions...) })
}

// settled takes a step again where the page went away under it, as one does whose script leads to another, until patience ends.
func (b *browser) settled(step func(context.Context) error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		err := step(ctx)
		if err == nil {
			return
		}
		var gone *cdproto.Error
		if !errors.As(err, &gone) || gone.Code != serverError || ctx.Err() != nil {
			b.Fatalf("%v\nat %s", err, b.glimpse())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// serverError is JSON-RPC's code for what Chromium could not do, as with a node or a context that is no more.
const serverError = -32000

// command sends a command of the browser's protocol, or fails the test.
func command[P, R any](b *browser, c cdp.Command[P, R], params P) R {
	b.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	b.must(err)
	return r
}

// read gets a value from the page.
func read[T any](b *browser, action chromedp.Action[T]) (v T) {
	b.Helper()
	b.settled(func(ctx context.Context) (err error) {
		v, err = chromedp.Run(ctx, action)
		return err
	})
	return v
}

// glimpse is where the browser is and what it shows, for messages.
func (b *browser) glimpse() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	return at + "\n" + text
}

// open loads a page and returns its status.
func (b *browser) open(path string) int64 {
	b.Helper()
	return b.load(chromedp.Navigate(origin + path))
}

// load does what leads to a page, and returns its status.
func (b *browser) load(step chromedp.Action[chromedp.Void]) (status int64) {
	b.Helper()
	b.settled(func(ctx context.Context) error {
		r, err := chromedp.RunResponse(ctx, step)
		if err == nil {
			status = r.Status
		}
		return err
	})
	return status
}

// script switches the page's scripts on or off.
func (b *browser) script(on bool) {
	b.Helper()
	b.scriptless = !on
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// fill types into the field of an id, in place of what it holds.
func (b *browser) fill(id, text string) {
	b.Helper()
	b.do(chromedp.Clear(chromedp.CSS("#"+id)), chromedp.SendKeys(chromedp.CSS("#"+id), text))
}

// press clicks the button or link of that text, and waits for the page that it leads to.
func (b *browser) press(text string) int64 {
	b.Helper()
	return b.load(chromedp.Click(button(text), chromedp.NodeVisible))
}

// touch clicks a button that a script answers.
func (b *browser) touch(text string) {
	b.Helper()
	b.do(chromedp.Click(button(text), chromedp.NodeVisible))
}

// button is the XPath of a button or a link by its text, or where none has it by the beginning of its text.
func button(text string) string {
	const seen = `//*[self::button or self::a][not(ancestor-or-self::*[@hidden])]`
	return fmt.Sprintf(`%[1]s[normalize-space(.) = %[2]q or not(%[1]s[normalize-space(.) = %[2]q]) and starts-with(normalize-space(.), %[2]q)]`, seen, text)
}

// choose clicks a choice by its element's id.
func (b *browser) choose(id string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS("#"+id), chromedp.NodeVisible))
}

// title waits until the page's heading is that one.
func (b *browser) title(want string) {
	b.Helper()
	deadline, got := time.Now().Add(patience), ""
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("h1")?.innerText ?? ""`))
		cancel()
		if got = text; err == nil && got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("the page is called %q, want %q\nat %s", got, want, b.glimpse())
}

// shows waits until a text is on the page.
func (b *browser) shows(want string) {
	b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(b.text("body"), want) {
			return
		}
	}
	b.Fatalf("the page does not say %q\nat %s", want, b.glimpse())
}

// text is what an element shows.
func (b *browser) text(selector string) string {
	b.Helper()
	return read(b, chromedp.Text(chromedp.CSS(selector)))
}

// texts are what all elements of a selector hold.
func (b *browser) texts(selector string) []string {
	b.Helper()
	return read(b, chromedp.Evaluate[[]string](fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.textContent.trim())`, selector)))
}

// authenticator is a passkey's keeper inside the browser (WebAuthn level 3 section 11.2): it says yes by itself.
func (b *browser) authenticator() webauthn.AuthenticatorID {
	b.Helper()
	command(b, webauthn.Enable, webauthn.EnableParams{})
	return command(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// finding is what axe says of a page.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// accessible holds the page to WCAG 2.2 A and AA and to good practice, as axe-core finds it.
func (b *browser) accessible(name string) {
	b.Helper()
	if b.scriptless { // axe is a script too; those of the page did not run when it was loaded
		b.script(true)
		defer b.script(false)
	}
	source, err := gzip.NewReader(bytes.NewReader(axe))
	b.must(err)
	code, err := io.ReadAll(source)
	b.must(err)
	b.do(chromedp.Evaluate[chromedp.Void](string(code) + ";0"))
	found := read(b, chromedp.Evaluate[string](
		`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) => JSON.stringify(r.violations))`,
		chromedp.EvalAwaitPromise))
	var all []finding
	b.must(json.Unmarshal([]byte(found), &all))
	for _, f := range all {
		for _, n := range f.Nodes {
			b.Errorf("%s: axe: %s (%s): %s\n%s", name, f.ID, f.Impact, n.Summary, n.HTML)
		}
	}
}

// look holds the page to what all pages are held to, light and dark, wide and narrow; and where SCREENSHOTS names a folder, leaves
// pictures of it there.
func (b *browser) look(name string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		for _, width := range []int64{420, 1440} {
			b.wide(width)
			if over := read(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
				b.Errorf("%s at %d pixels is %d too wide", name, width, over)
			}
			b.picture(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
		b.accessible(name + ", " + scheme)
	}
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
}

// wide makes the window as many pixels wide.
func (b *browser) wide(pixels int64) {
	b.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: pixels, Height: 900, DeviceScaleFactor: 1})
}

// picture leaves a picture of the page in the folder that SCREENSHOTS names, if it names one.
func (b *browser) picture(name string) {
	b.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	beyond := read(b, chromedp.Evaluate[int](`document.documentElement.scrollHeight`)) < 16384 // what Chromium draws at once
	shot := command(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
	b.must(os.MkdirAll(folder, 0o755))
	b.must(os.WriteFile(filepath.Join(folder, name+".png"), shot.Data, 0o644))
}

// expect says that scripts will get replies of that status, as the test means them to.
func (b *browser) expect(status int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expects[status] = true
}

// setUpBy makes the appliance one that is set up, by an operator who has an account.
func (a *appliance) setUpBy(email string) {
	a.Helper()
	_, _, err := a.directory.AddUser(a.Context(), a.operator, store.Appliance, directory.NewUser{Email: email, Name: "Operator One", Role: store.Operator})
	a.must(err)
}

// paper prints the page as Chromium does, and where SCREENSHOTS names a folder, leaves the PDF there.
func (b *browser) paper(name string) {
	b.Helper()
	own := true
	printed := command(b, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: &own})
	if len(printed.Data) < 1000 {
		b.Errorf("%s on paper has %d bytes", name, len(printed.Data))
	}
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		b.must(os.WriteFile(filepath.Join(folder, name+".pdf"), printed.Data, 0o644))
	}
}
