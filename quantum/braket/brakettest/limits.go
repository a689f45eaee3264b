package brakettest

import (
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// limit is a spending limit.
type limit struct {
	arn, device, amount string
	startAt, endAt      int64
	created             time.Time
	spent               int64 // millionths of a dollar
	token               string
}

type timePeriod struct {
	EndAt   int64 `json:"endAt"`
	StartAt int64 `json:"startAt"`
}

var amountForm = regexp.MustCompile(`^\d+(\.\d{1,2})?$`)

// micros are millionths of a dollar.
func micros(amount string) int64 {
	r, ok := new(big.Rat).SetString(amount)
	if !ok {
		panic("brakettest: amount " + amount + " passed its form")
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}

func dollars(micros int64) string {
	return fmt.Sprintf("%d.%02d", micros/1_000_000, micros%1_000_000/10_000)
}

func (s *Server) createLimit(r *http.Request) (any, error) {
	var request struct {
		ClientToken   string            `json:"clientToken"`
		DeviceArn     string            `json:"deviceArn"`
		SpendingLimit string            `json:"spendingLimit"`
		Tags          map[string]string `json:"tags"`
		TimePeriod    *timePeriod       `json:"timePeriod"`
	}
	if err := read(r.Body, &request); err != nil {
		return nil, err
	}
	d, err := s.device(request.DeviceArn)
	if err != nil {
		return nil, err
	}
	switch n := len(request.ClientToken); {
	case n < 1 || n > 64:
		return nil, invalid("clientToken must have length between 1 and 64")
	case !amountForm.MatchString(request.SpendingLimit):
		return nil, invalid("spendingLimit must satisfy regular expression pattern: \\d+(\\.\\d{1,2})?")
	case d.kind != "QPU":
		return nil, invalid("Simulators do not support spending limits")
	case s.deviceStatus(d) == "RETIRED":
		return nil, &refusal{http.StatusGone, "DeviceRetiredException", "Device " + d.arn + " is retired"}
	}
	for _, l := range s.limits {
		if l.token == request.ClientToken {
			return map[string]string{"spendingLimitArn": l.arn}, nil
		}
		if l.device == d.arn {
			return nil, invalid("A spending limit for device %s exists", d.arn)
		}
	}
	l := &limit{arn: "arn:aws:braket:" + s.options.Region + ":" + account + ":spending-limit/" + s.id(), device: d.arn, amount: request.SpendingLimit,
		created: s.options.Now(), token: request.ClientToken}
	l.setPeriod(request.TimePeriod)
	s.limits[l.arn] = l
	return map[string]string{"spendingLimitArn": l.arn}, nil
}

// setPeriod without a period means ten years from the creation.
func (l *limit) setPeriod(p *timePeriod) {
	if p == nil {
		p = &timePeriod{StartAt: l.created.Unix(), EndAt: l.created.AddDate(10, 0, 0).Unix()}
	}
	l.startAt, l.endAt = p.StartAt, p.EndAt
}

func (s *Server) searchLimits(r *http.Request) (any, error) {
	var request struct {
		Filters []struct {
			Name     string   `json:"name"`
			Operator string   `json:"operator"`
			Values   []string `json:"values"`
		} `json:"filters"`
		MaxResults *int   `json:"maxResults"`
		NextToken  string `json:"nextToken"`
	}
	if err := read(r.Body, &request); err != nil {
		return nil, err
	}
	most := 20
	if request.MaxResults != nil {
		most = *request.MaxResults
	}
	if most < 1 || most > 100 || len(request.Filters) > 10 {
		return nil, invalid("maxResults must lie in 1 to 100, and there are at most 10 filters")
	}
	list := []object{}
	for _, arn := range slices.Sorted(maps.Keys(s.limits)) {
		l := s.limits[arn]
		matches := true
		for _, f := range request.Filters {
			if f.Name != "deviceArn" || f.Operator != "EQUAL" {
				return nil, invalid("filter %s %s is not supported", f.Name, f.Operator)
			}
			matches = matches && slices.Contains(f.Values, l.device)
		}
		if matches && len(list) < most {
			list = append(list, object{"spendingLimitArn": l.arn, "deviceArn": l.device, "spendingLimit": l.amount, "totalSpend": dollars(l.spent), "queuedSpend": "0.00",
				"timePeriod": timePeriod{l.endAt, l.startAt}, "createdAt": l.created.Unix(), "updatedAt": l.created.Unix()})
		}
	}
	return object{"spendingLimits": list}, nil
}

func (s *Server) updateLimit(arn string, r *http.Request) error {
	var request struct {
		ClientToken   string      `json:"clientToken"`
		SpendingLimit *string     `json:"spendingLimit"`
		TimePeriod    *timePeriod `json:"timePeriod"`
	}
	if err := read(r.Body, &request); err != nil {
		return err
	}
	l, ok := s.limits[arn]
	switch {
	case !ok:
		return notFound("Spending limit %s not found", arn)
	case request.SpendingLimit != nil && !amountForm.MatchString(*request.SpendingLimit):
		return invalid("spendingLimit must satisfy regular expression pattern: \\d+(\\.\\d{1,2})?")
	}
	if request.SpendingLimit != nil {
		l.amount = *request.SpendingLimit
	}
	if request.TimePeriod != nil {
		l.setPeriod(request.TimePeriod)
	}
	return nil
}

func (s *Server) deleteLimit(arn string) error {
	if _, ok := s.limits[arn]; !ok {
		return notFound("Spending limit %s not found", arn)
	}
	delete(s.limits, arn)
	return nil
}

// spend charges a task against the device's limit, or refuses it.
func (s *Server) spend(t *task) error {
	if t.device.kind != "QPU" {
		return nil
	}
	t.cost = 300_000 + micros(t.device.price.String())*int64(*t.request.Shots)
	now := s.options.Now().Unix()
	for _, l := range s.limits {
		if l.device != t.device.arn {
			continue
		}
		if l.spent+t.cost > micros(l.amount) || now < l.startAt || now > l.endAt {
			return invalid("Attempted to spend over the spending limit or outside the spending limit time window. Spending limit: %s, current spend: %s, estimated cost: %s",
				l.amount, dollars(l.spent), dollars(t.cost))
		}
		l.spent += t.cost
	}
	return nil
}
