package braket_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

func TestRefusalsByTheService(t *testing.T) {
	for _, c := range []struct {
		status     int
		name, says string
		kind       error
		repeated   bool
	}{
		{400, "ValidationException", "not this way", braket.ErrInvalid, false},
		{400, "ValidationException", "Attempted to spend over the spending limit or outside the spending limit time window. Spending limit: 3", braket.ErrSpendingLimit, false},
		{402, "ServiceQuotaExceededException", "35 tasks", braket.ErrQuota, false},
		{403, "AccessDeniedException", "not authorized to perform: braket:CreateQuantumTask", braket.ErrDenied, false},
		{404, "ResourceNotFoundException", "no device", braket.ErrNotFound, false},
		{409, "ConflictException", "wrong state", braket.ErrConflict, false},
		{410, "DeviceRetiredException", "gone", braket.ErrRetired, false},
		{424, "DeviceOfflineException", "offline", braket.ErrOffline, false},
		{429, "ThrottlingException", "Rate exceeded", braket.ErrThrottled, true},
		{500, "InternalServiceException", "sorry", braket.ErrService, true},
		{503, "ServiceUnavailable", "sorry", braket.ErrService, true},
	} {
		t.Run(c.name+c.says[:4], func(t *testing.T) {
			s := open(t, brakettest.Options{})
			o, kept := s.order(t, braket.Forte1)
			s.server.Fail(brakettest.Fault{Operation: "CreateQuantumTask", Times: 4, Status: c.status, Type: c.name, Message: c.says})
			task, err := s.Submit(t.Context(), o)
			if c.repeated {
				// Four times it failed, the fifth attempt is the last.
				if err != nil || s.server.Received("CreateQuantumTask") != 5 {
					t.Fatalf("%v after %d requests", err, s.server.Received("CreateQuantumTask"))
				}
				if want := []time.Duration{1e9, 2e9, 4e9, 8e9}; !slices.Equal(s.clock.pauses, want) || len(*kept) != 1 {
					t.Errorf("pauses %v, %d kept", s.clock.pauses, len(*kept))
				}
				s.server.Fail(brakettest.Fault{Operation: "CancelQuantumTask", Times: 5, Status: c.status, Type: c.name, Message: c.says})
				_, err = s.Cancel(t.Context(), task, key(t))
			} else if n := s.server.Received("CreateQuantumTask"); n != 1 || len(*kept) != 0 {
				t.Errorf("%d requests, %d kept", n, len(*kept))
			}
			wantError(t, err, c.kind, c.says, c.name, fmt.Sprint(c.status))
			var e *braket.Error
			if !errors.As(err, &e) || e.Message != c.says || e.Type != c.name {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestBrokenConnections breaks the submission before and after it took effect: there is one task, and its ARN is kept.
func TestBrokenConnections(t *testing.T) {
	for _, f := range []brakettest.Fault{
		{Drop: true}, {Drop: true, After: true}, {After: true, Status: 500, Type: "InternalServiceException"}, {After: true, Status: 429, Type: "ThrottlingException"},
	} {
		s := open(t, brakettest.Options{})
		o, kept := s.order(t, braket.Forte1)
		f.Operation, f.Times = "CreateQuantumTask", 2
		s.server.Fail(f)
		task, err := s.Submit(t.Context(), o)
		if err != nil || len(*kept) != 1 {
			t.Fatalf("%+v: %v, kept %d", f, err, len(*kept))
		}
		if d := s.device(t, braket.Forte1); d.Queue != "1" {
			t.Errorf("%+v: %s tasks on the device, want one", f, d.Queue)
		}
		if _, err := s.State(t.Context(), task); err != nil {
			t.Error(err)
		}
	}
}

// TestTheSameOrderIsOneTask: a crash between sending and keeping is mended by ordering again.
func TestTheSameOrderIsOneTask(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, kept := s.order(t, braket.Forte1)
	crash := errors.New("disk full")
	keep := o.Keep
	o.Keep = func(context.Context, braket.Task) error { return crash }
	lost, err := s.Submit(t.Context(), o)
	wantError(t, err, crash, lost.ARN, "which was created")
	o.Keep = keep
	found, err := s.Submit(t.Context(), o)
	if err != nil || found.ARN != lost.ARN || len(*kept) != 1 {
		t.Fatalf("%v: %s, was %s", err, found.ARN, lost.ARN)
	}
	o.Attempt++
	another, err := s.Submit(t.Context(), o)
	if err != nil || another.ARN == lost.ARN {
		t.Fatalf("%v: attempt 1 is %s", err, another.ARN)
	}
	if len(found.ClientToken) != 64 || another.ClientToken == found.ClientToken {
		t.Errorf("tokens %s, %s", found.ClientToken, another.ClientToken)
	}
}

// TestAnswerOffTheRecordKeepsTheTask: the task exists, so it is kept although its record has no end.
func TestAnswerOffTheRecordKeepsTheTask(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, kept := s.order(t, braket.Forte1)
	full := errors.New("disk full")
	s.journal.failClose = full
	task, err := s.Submit(t.Context(), o)
	wantError(t, err, full, "recording the answer")
	if len(*kept) != 1 || task.ARN == "" {
		t.Errorf("kept %v", *kept)
	}
}

// cancelling cancels when a request is on record and about to be sent.
type cancelling struct {
	http.RoundTripper
	cancel func()
}

func (c cancelling) RoundTrip(r *http.Request) (*http.Response, error) {
	c.cancel()
	return c.RoundTripper.RoundTrip(r)
}

// TestCancelledWhileSubmitting: what was paid for is kept; what only asks is given up, with an end to its record.
func TestCancelledWhileSubmitting(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, kept := s.order(t, braket.Forte1)
	ctx, cancel := context.WithCancel(t.Context())
	client := *s.HTTP
	client.Transport = cancelling{client.Transport, cancel}
	s.HTTP = &client
	keep := o.Keep
	o.Keep = func(ctx context.Context, task braket.Task) error { return errors.Join(ctx.Err(), keep(ctx, task)) }
	task, err := s.Submit(ctx, o)
	if err != nil || len(*kept) != 1 {
		t.Fatalf("%v, kept %v", err, *kept)
	}
	ctx, cancel = context.WithCancel(t.Context())
	client.Transport = cancelling{client.Transport.(cancelling).RoundTripper, cancel}
	_, err = s.State(ctx, task)
	wantError(t, err, context.Canceled)
	if words := err.Error(); strings.Contains(words, "recording") {
		t.Errorf("the record was given up as well: %v", err)
	}
	_, err = s.Submit(ctx, o)
	wantError(t, err, context.Canceled)
	s.journal.forget(2) // the third request was on record only
}

// TestAnswerAboutAnotherTask: what the service says must fit what was kept.
func TestAnswerAboutAnotherTask(t *testing.T) {
	s := open(t, brakettest.Options{})
	task := s.submit(t, braket.Forte1)
	for name, change := range map[string]func(*braket.Task, *braket.Client){
		"shots":          func(t *braket.Task, _ *braket.Client) { t.Shots++ },
		"deviceArn":      func(t *braket.Task, _ *braket.Client) { t.DeviceARN = braket.SV1 },
		"outputS3Bucket": func(_ *braket.Task, c *braket.Client) { c.Bucket = "amazon-braket-other" },
	} {
		other, client := task, *s.Client
		change(&other, &client)
		_, err := client.State(t.Context(), other)
		wantError(t, err, nil, name, "another task")
	}
}

// TestWhatMustNotLeaveStays: the last look stands between every call and the wire.
func TestWhatMustNotLeaveStays(t *testing.T) {
	s := open(t, brakettest.Options{})
	wantError(t, s.DeleteSpendingLimit(t.Context(), "name of a customer"), nil, "must not be sent")
	if s.wire.count() != 0 || len(s.journal.sent()) != 0 {
		t.Error("something left")
	}
}

// TestRedirectsAreNotFollowed: a second request would be off the record.
func TestRedirectsAreNotFollowed(t *testing.T) {
	s := open(t, brakettest.Options{})
	client := *s.HTTP
	client.Transport = redirecting{client.Transport}
	s.HTTP = &client
	_, err := s.Device(t.Context(), braket.SV1)
	wantError(t, err, nil, "HTTP 307")
}

// redirecting turns every answer into a redirect to the same host, which clients of outbound would follow.
type redirecting struct{ http.RoundTripper }

func (c redirecting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		response.StatusCode = http.StatusTemporaryRedirect
		response.Header.Set("Location", "/elsewhere")
	}
	return response, err
}

func TestNothingLeavesOffTheRecord(t *testing.T) {
	s := open(t, brakettest.Options{})
	full := errors.New("disk full")
	s.journal.failBegin = full
	_, err := s.Device(t.Context(), braket.SV1)
	wantError(t, err, full, "before it leaves")
	if s.wire.count() != 0 {
		t.Error("a connection was opened")
	}
}

func TestWaitGoesOnAfterARestart(t *testing.T) {
	s := open(t, brakettest.Options{Polls: 3})
	task := s.submit(t, braket.SV1)
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.Wait(ctx, task, func(braket.State) { stop() })
	wantError(t, err, context.Canceled)
	s.clock.pauses = nil
	again := *s.Client // nothing but the task is known
	if _, err := again.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9, 60e9}
	if !slices.Equal(s.clock.pauses, want) {
		t.Errorf("pauses %v, want %v", s.clock.pauses, want)
	}
}

func TestWaitAsksAsOftenAsTheDeviceWants(t *testing.T) {
	s := open(t, brakettest.Options{})
	task := s.submit(t, braket.Forte1)
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{30e9, 30e9, 30e9}; !slices.Equal(s.clock.pauses, want) {
		t.Errorf("pauses %v", s.clock.pauses)
	}
	for poll, want := range map[time.Duration]time.Duration{time.Millisecond: 2e9, time.Hour: 60e9} {
		s.clock.pauses = nil
		task := s.submitAgain(t, int(poll))
		task.Poll = poll
		if _, err := s.Wait(t.Context(), task, nil); err != nil || s.clock.pauses[0] != want {
			t.Errorf("poll %v: %v, %v", poll, s.clock.pauses, err)
		}
	}
}

func (s *site) submitAgain(t *testing.T, attempt int) braket.Task {
	t.Helper()
	o, _ := s.order(t, braket.Forte1)
	o.Attempt = attempt
	task, err := s.Submit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestWaitOutlastsFaultsOfTheService(t *testing.T) {
	s := open(t, brakettest.Options{})
	task := s.submit(t, braket.SV1)
	s.server.Fail(brakettest.Fault{Operation: "GetQuantumTask", Times: 12, Status: 503, Type: "InternalServiceException"})
	s.server.Fail(brakettest.Fault{Operation: "GetQuantumTask", Times: 6, Drop: true})
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	s.server.Fail(brakettest.Fault{Operation: "GetQuantumTask", Status: 403, Type: "AccessDeniedException", Message: "no"})
	_, err := s.Wait(t.Context(), task, nil)
	wantError(t, err, braket.ErrDenied)
}

func TestWaitEndsAfterFiveDays(t *testing.T) {
	s := open(t, brakettest.Options{})
	s.server.Plan(brakettest.Plan{Stay: true})
	task := s.submit(t, braket.SV1)
	task.Submitted = s.clock.now.Add(-5*24*time.Hour + 10*time.Minute)
	_, err := s.Wait(t.Context(), task, nil)
	wantError(t, err, braket.ErrTooLong, task.ARN, "QUEUED")
	if spent := s.clock.now.Sub(task.Submitted); spent < 5*24*time.Hour || spent > 5*24*time.Hour+2*time.Minute {
		t.Errorf("it waited for %v", spent)
	}
}

func TestFailureReasonIsVerbatim(t *testing.T) {
	s := open(t, brakettest.Options{})
	const reason = `Circuit "too deep": 42 > 41 (contact <support@example.com>)`
	s.server.Plan(brakettest.Plan{FailureReason: reason})
	task := s.submit(t, braket.Forte1)
	_, err := s.Wait(t.Context(), task, nil)
	wantError(t, err, nil, task.ARN, "FAILED", reason)
	var f *braket.FailedError
	if !errors.As(err, &f) || f.Reason != reason || f.Status != braket.Failed {
		t.Errorf("%+v", f)
	}
	_, err = s.Result(t.Context(), task)
	wantError(t, err, braket.ErrNotFound)
}

func TestCancel(t *testing.T) {
	s := open(t, brakettest.Options{})
	s.server.Plan(brakettest.Plan{Stay: true})
	task := s.submit(t, braket.Forte1)
	status, err := s.Cancel(t.Context(), task, key(t))
	if err != nil || status != braket.Cancelling {
		t.Fatalf("%s, %v", status, err)
	}
	_, err = s.Wait(t.Context(), task, nil)
	var f *braket.FailedError
	if !errors.As(err, &f) || f.Status != braket.Cancelled {
		t.Errorf("%v", err)
	}
	_, err = s.Cancel(t.Context(), task, key(t))
	wantError(t, err, braket.ErrConflict, "CANCELLED")
	task.ARN = task.ARN[:len(task.ARN)-1] + "0"
	_, err = s.Cancel(t.Context(), task, key(t))
	wantError(t, err, braket.ErrNotFound)
}

func TestQuotaOfConcurrentTasks(t *testing.T) {
	s := open(t, brakettest.Options{Concurrent: 1})
	s.submit(t, braket.SV1)
	o, _ := s.order(t, braket.SV1)
	o.Attempt = 1
	_, err := s.Submit(t.Context(), o)
	wantError(t, err, braket.ErrQuota, "Concurrent task limit of 1")
}

func TestMissingResult(t *testing.T) {
	s := open(t, brakettest.Options{})
	s.server.Plan(brakettest.Plan{NoResult: true})
	task := s.submit(t, braket.Forte1)
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.Result(t.Context(), task)
	wantError(t, err, braket.ErrNotFound, "NoSuchKey", task.ARN)
}

func TestSpendingLimits(t *testing.T) {
	s := open(t, brakettest.Options{})
	ctx, k := t.Context(), key(t)
	from := s.clock.now.Add(-time.Hour)
	arn, err := s.CreateSpendingLimit(ctx, braket.Forte1, 40_295_000, braket.LimitPeriod{From: from, To: from.Add(24 * time.Hour)}, k, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.CreateSpendingLimit(ctx, braket.Forte1, 40_295_000, braket.LimitPeriod{From: from, To: from.Add(24 * time.Hour)}, k, 0); err != nil || again != arn {
		t.Errorf("asked again: %s, %v", again, err)
	}
	task := s.submit(t, braket.Forte1) // 40.30, which the limit was rounded up to
	o, _ := s.order(t, braket.Forte1)
	o.Attempt = 1
	_, err = s.Submit(ctx, o)
	wantError(t, err, braket.ErrSpendingLimit, "Spending limit: 40.30, current spend: 40.30, estimated cost: 40.30")
	list, err := s.SpendingLimits(ctx, braket.Forte1)
	if err != nil || len(list) != 1 || list[0].ARN != arn || list[0].Limit != 40_300_000 || list[0].Spent != task.Quote.Total || !list[0].From.Equal(from) {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.SpendingLimits(ctx, braket.ForteEnterprise1); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.UpdateSpendingLimit(ctx, arn, 100_000_000, braket.LimitPeriod{}, k, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(ctx, o); err != nil {
		t.Error(err)
	}
	if err := s.DeleteSpendingLimit(ctx, arn); err != nil {
		t.Error(err)
	}
	wantError(t, s.DeleteSpendingLimit(ctx, arn), braket.ErrNotFound)
	_, err = s.CreateSpendingLimit(ctx, braket.SV1, 1, braket.LimitPeriod{}, k, 0)
	wantError(t, err, nil, "simulators have none")
	_, err = s.CreateSpendingLimit(ctx, braket.Forte1, 1, braket.LimitPeriod{From: from, To: from}, k, 0)
	wantError(t, err, nil, "must begin before it ends")
}

// TestNoise: errors of the device pull the objective towards a half, and a reading error moves it.
func TestNoise(t *testing.T) {
	exact := math.Pow(math.Sin(3*math.Asin(math.Sqrt(0.3))), 2)
	for _, c := range []struct {
		noise brakettest.Noise
		want  float64
	}{
		{brakettest.Noise{Depolarising: 1}, 0.5},
		{brakettest.Noise{Depolarising: 0.02}, 0.5 + (exact-0.5)*math.Pow(0.98, 24)}, // 24 CNOTs: n = 2, power 1
		{brakettest.Noise{Read1As0: 1}, 0},
		{brakettest.Noise{Read1As0: 0.1, Read0As1: 0.2}, exact*0.9 + (1-exact)*0.2},
	} {
		s := open(t, brakettest.Options{Noise: c.noise})
		o, _ := s.order(t, braket.Forte1)
		o.Program.Shots = 5000
		task, err := s.Submit(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Wait(t.Context(), task, nil); err != nil {
			t.Fatal(err)
		}
		r, err := s.Result(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(r.Ones(2)) / 5000; math.Abs(got-c.want) > 0.035 {
			t.Errorf("%+v: %v, want %v", c.noise, got, c.want)
		}
	}
}

func TestDebiasedHistogram(t *testing.T) {
	s := open(t, brakettest.Options{})
	o, _ := s.order(t, braket.Forte1)
	o.Program.Shots, o.Program.Mitigation = 2501, braket.Debias
	task, err := s.Submit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.Result(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts != nil {
		t.Error("averages are not counts")
	}
	checkObjective(t, r)
	// The same file as that of a task without mitigation is refused: its shares are no counts.
	task.Mitigation = ""
	_, err = braket.Verify(r.Raw, task)
	wantError(t, err, nil, "no whole number")
}

// TestAirGapped: in air-gapped mode every call is refused at the one place, and without outbound's leave no other
// place dials. The default transport of net/http would panic.
func TestAirGapped(t *testing.T) {
	s := open(t, brakettest.Options{})
	task := s.submit(t, braket.Forte1)
	before := s.wire.count()
	o, _ := s.order(t, braket.Forte1)
	s.HTTP = s.dialer(t, outbound.AirGapped).Client(outbound.Circuits)
	usual := http.DefaultTransport
	http.DefaultTransport = forbidden{}
	defer func() { http.DefaultTransport = usual }()
	ctx, k := t.Context(), key(t)
	const limit = "arn:aws:braket:us-east-1:111122223333:spending-limit/x"
	calls := map[string]func() error{
		"GetDevice":         func() error { _, err := s.Device(ctx, braket.SV1); return err },
		"CreateQuantumTask": func() error { _, err := s.Submit(ctx, o); return err },
		"GetQuantumTask":    func() error { _, err := s.Wait(ctx, task, nil); return err },
		"CancelQuantumTask": func() error { _, err := s.Cancel(ctx, task, k); return err },
		"GetObject":         func() error { _, err := s.Result(ctx, task); return err },
		"CreateSpendingLimit": func() error {
			_, err := s.CreateSpendingLimit(ctx, braket.Forte1, 1, braket.LimitPeriod{}, k, 0)
			return err
		},
		"SearchSpendingLimits": func() error { _, err := s.SpendingLimits(ctx, braket.Forte1); return err },
		"UpdateSpendingLimit":  func() error { return s.UpdateSpendingLimit(ctx, limit, 1, braket.LimitPeriod{}, k, 0) },
		"DeleteSpendingLimit":  func() error { return s.DeleteSpendingLimit(ctx, limit) },
	}
	for name, call := range calls {
		wantError(t, call(), outbound.ErrAirGapped, name)
	}
	if n := s.log.refused(); n != len(calls) {
		t.Errorf("%d refusals recorded for %d calls: refused calls are not repeated", n, len(calls))
	}
	// The device was read once more for the order, before the gap.
	if after := s.wire.count(); after != before+1 {
		t.Errorf("%d connections were opened", after-before-1)
	}
	s.journal.forget(before + 1) // what was refused was on record, and never on the wire
}

type forbidden struct{}

func (forbidden) RoundTrip(r *http.Request) (*http.Response, error) {
	panic("the default transport was asked for " + r.URL.String())
}

// TestEveryRequestIsThePlainOne: a constant User-Agent, and nothing of the host.
func TestEveryRequestIsThePlainOne(t *testing.T) {
	s := open(t, brakettest.Options{})
	task := s.submit(t, braket.Forte1)
	if _, err := s.Wait(t.Context(), task, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Result(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.journal.sent() {
		head, _, _ := strings.Cut(r, "\r\n\r\n")
		var names []string
		for _, line := range strings.Split(head, "\r\n")[1:] {
			name, value, _ := strings.Cut(line, ": ")
			names = append(names, name)
			if name == "User-Agent" && value != braket.UserAgent {
				t.Errorf("User-Agent %s", value)
			}
		}
		all := strings.Join(names, " ")
		if !slices.Contains([]string{
			"Host User-Agent Connection Authorization X-Amz-Date",
			"Host User-Agent Connection Content-Length Authorization Content-Type X-Amz-Date",
			"Host User-Agent Connection Authorization X-Amz-Content-Sha256 X-Amz-Date",
		}, all) {
			t.Errorf("headers: %s", all)
		}
		if strings.Contains(r, brakettest.ExampleSecretKey) {
			t.Error("the secret key left")
		}
	}
	if !strings.Contains(s.journal.sent()[0], "GET /device/arn%3Aaws%3Abraket%3Aus-east-1%3A%3Adevice%2Fqpu%2Fionq%2FForte-1 HTTP/1.1") {
		t.Error(s.journal.sent()[0])
	}
}
