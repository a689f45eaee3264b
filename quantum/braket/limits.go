package braket

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// SpendingLimit is a bound that AWS itself holds for one hardware device of the account: a second fence behind the
// tenant's budget. Simulators have none.
type SpendingLimit struct {
	ARN, DeviceARN string

	// Limit is the bound; Spent and Queued what tasks have cost and would cost.
	Limit, Spent, Queued USD

	// From and To bound the time in which the device may be used at all.
	From, To time.Time
}

// LimitPeriod is the time of a spending limit: the device may be used from From to To. Zero times: the service's default.
type LimitPeriod struct{ From, To time.Time }

func (p LimitPeriod) form() (*period, error) {
	if p.From.IsZero() && p.To.IsZero() {
		return nil, nil
	}
	if !p.From.Before(p.To) {
		return nil, fmt.Errorf("spending limit: from %v to %v: must begin before it ends", p.From, p.To)
	}
	return &period{StartAt: p.From.Unix(), EndAt: p.To.Unix()}, nil
}

// CreateSpendingLimit bounds what the account spends on a hardware device, rounded up to cents, and returns the limit's ARN. The
// same limit asked for twice under one key and attempt is one limit.
func (c *Client) CreateSpendingLimit(ctx context.Context, deviceARN string, limit USD, p LimitPeriod, key TokenKey, attempt int) (string, error) {
	if err := c.regional(deviceARN); err != nil {
		return "", err
	}
	if !Hardware(deviceARN) {
		return "", fmt.Errorf("spending limit for %s: simulators have none", deviceARN)
	}
	period, err := p.form()
	if err != nil {
		return "", err
	}
	form := createLimit{DeviceARN: deviceARN, Limit: limit.cents(), Period: period}
	form.ClientToken = key.token("limit", text(form), fmt.Sprint(attempt))
	a, err := c.exchange(ctx, call{"CreateSpendingLimit", "braket", "POST", c.endpoint() + "/spending-limit", []byte(text(form))})
	if err != nil {
		return "", err
	}
	var said struct {
		ARN string `json:"spendingLimitArn"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil {
		return "", fmt.Errorf("CreateSpendingLimit: reading the answer: %w", err)
	}
	return said.ARN, ofForm(budgetARN, "CreateSpendingLimit: spendingLimitArn", said.ARN)
}

// SpendingLimits are the account's limits for a device.
func (c *Client) SpendingLimits(ctx context.Context, deviceARN string) ([]SpendingLimit, error) {
	if err := c.regional(deviceARN); err != nil {
		return nil, err
	}
	form := searchLimits{Filters: []filter{{"deviceArn", "EQUAL", []string{deviceARN}}}, MaxResults: 100}
	var all []SpendingLimit
	for {
		a, err := c.exchange(ctx, call{"SearchSpendingLimits", "braket", "POST", c.endpoint() + "/spending-limits", []byte(text(form))})
		if err != nil {
			return nil, err
		}
		var said struct {
			Limits    []limitSummary `json:"spendingLimits"`
			NextToken string         `json:"nextToken"`
		}
		if err := json.Unmarshal(a.body, &said); err != nil {
			return nil, fmt.Errorf("SearchSpendingLimits: reading the answer: %w", err)
		}
		for _, l := range said.Limits {
			limit, err := l.read()
			if err != nil {
				return nil, fmt.Errorf("SearchSpendingLimits: %s: %w", l.ARN, err)
			}
			all = append(all, limit)
		}
		if said.NextToken == "" || len(said.Limits) == 0 {
			return all, nil
		}
		form.NextToken = said.NextToken
	}
}

// limitSummary is SpendingLimitSummary of the service model.
type limitSummary struct {
	ARN       string `json:"spendingLimitArn"`
	DeviceARN string `json:"deviceArn"`
	Limit     string `json:"spendingLimit"`
	Spent     string `json:"totalSpend"`
	Queued    string `json:"queuedSpend"`
	Period    struct {
		StartAt, EndAt float64 // seconds since 1970
	} `json:"timePeriod"`
}

func (f limitSummary) read() (l SpendingLimit, err error) {
	l = SpendingLimit{ARN: f.ARN, DeviceARN: f.DeviceARN, From: time.Unix(int64(f.Period.StartAt), 0).UTC(), To: time.Unix(int64(f.Period.EndAt), 0).UTC()}
	for _, amount := range []struct {
		to   *USD
		text string
	}{{&l.Limit, f.Limit}, {&l.Spent, f.Spent}, {&l.Queued, f.Queued}} {
		if *amount.to, err = ParseUSD(amount.text); err != nil {
			return l, err
		}
	}
	return l, nil
}

// UpdateSpendingLimit changes a limit's amount, rounded up to cents, and, if p is not zero, its period. attempt tells
// intended repetitions apart.
func (c *Client) UpdateSpendingLimit(ctx context.Context, limitARN string, limit USD, p LimitPeriod, key TokenKey, attempt int) error {
	period, err := p.form()
	if err != nil {
		return err
	}
	form := updateLimit{Limit: limit.cents(), Period: period}
	form.ClientToken = key.token("update", limitARN, text(form), fmt.Sprint(attempt))
	_, err = c.exchange(ctx, call{"UpdateSpendingLimit", "braket", "PATCH", c.endpoint() + "/spending-limit/" + encoded(limitARN) + "/update", []byte(text(form))})
	return err
}

// DeleteSpendingLimit removes a limit.
func (c *Client) DeleteSpendingLimit(ctx context.Context, limitARN string) error {
	_, err := c.exchange(ctx, call{"DeleteSpendingLimit", "braket", "DELETE", c.endpoint() + "/spending-limit/" + encoded(limitARN) + "/delete", nil})
	return err
}

// sorted are the keys in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
