package main

import (
	"context"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/braket"
)

// quantumBudget is `qrsd quantum budget`.
type quantumBudget struct {
	Limit string `arg:"" optional:"" placeholder:"USD" help:"What may be spent from this home in all, what was spent before included; without it the state is shown."`
	homeFlags
	JSON bool `help:"Print the state as JSON."`
}

// Help is shown by `qrsd quantum budget --help`.
func (quantumBudget) Help() string {
	return `Before every submission, of a host or a relay, the quotes of all tasks that this home has created, those that ended without a
result included, are added up with the new one and held to the limit. A quote is what the device's price says; the provider's bill decides.`
}

// budgetOutput is `qrsd quantum budget --json`.
type budgetOutput struct {
	LimitUSD   *string `json:"limit_usd"` // null: none is set
	QuotedUSD  string  `json:"quoted_usd"`
	PendingUSD string  `json:"pending_usd"`
}

// Run carries out the command.
func (x *quantumBudget) Run(ctx context.Context, c console) error {
	home, err := x.open()
	if err != nil {
		return err
	}
	if x.Limit != "" {
		limit, err := amount("budget", x.Limit)
		if err != nil {
			return err
		}
		if err := home.SetLimit(limit); err != nil {
			return err
		}
	}
	s, err := home.Spending(ctx)
	if err != nil {
		return err
	}
	out := budgetOutput{QuotedUSD: s.Quoted.String(), PendingUSD: s.Pending.String()}
	if s.Limit != nil {
		text := s.Limit.String()
		out.LimitUSD = &text
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	printBudget(c, s)
	return nil
}

func printBudget(c console, s quantumjob.Spending) {
	fmt.Fprintf(c.out, "quoted   %v USD, of all tasks that were created from here\n", s.Quoted)
	if s.Pending > 0 {
		fmt.Fprintf(c.out, "pending  %v USD, agreed to for tasks whose creation is under way or was interrupted\n", s.Pending)
	}
	if s.Limit == nil {
		fmt.Fprintln(c.out, "limit    none: a submission is held to what is agreed to for it; qrsd quantum budget USD sets one")
		return
	}
	fmt.Fprintf(c.out, "limit    %v USD; %v USD are left\n", *s.Limit, max(*s.Limit-s.Quoted-s.Pending, 0))
}

// quantumLimit is `qrsd quantum limit`.
type quantumLimit struct {
	Amount string `arg:"" name:"usd" optional:"" placeholder:"USD" help:"The limit to set, rounded up to cents; without it the limits are shown."`
	Device string `default:"forte-1" placeholder:"forte-1" help:"forte-1, forte-enterprise-1, or an ARN; simulators have no limit."`
	Remove bool   `help:"Remove the device's limit."`
	homeFlags
	remoteFlags
	JSON bool `help:"Print the limits as JSON."`
}

// limitOutput is one limit of `qrsd quantum limit --json`.
type limitOutput struct {
	ARN       string    `json:"arn"`
	Device    string    `json:"device"`
	LimitUSD  string    `json:"limit_usd"`
	SpentUSD  string    `json:"spent_usd"`
	QueuedUSD string    `json:"queued_usd"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
}

// Run carries out the command.
func (x *quantumLimit) Run(ctx context.Context, c console) error {
	if x.Remove && x.Amount != "" {
		return &runner.ErrUsage{Reason: "--remove and an amount: give one of them"}
	}
	home, err := x.open()
	if err != nil {
		return err
	}
	client, err := x.client(ctx, home)
	if err != nil {
		return err
	}
	device := deviceARN(x.Device)
	limits, err := client.SpendingLimits(ctx, device)
	if err != nil {
		return err
	}
	if x.Remove || x.Amount != "" {
		if err := x.change(ctx, home, client, device, limits); err != nil {
			return err
		}
		if limits, err = client.SpendingLimits(ctx, device); err != nil {
			return err
		}
	}
	return x.print(c, device, limits)
}

// change removes the device's limit, sets it anew, or makes one.
func (x *quantumLimit) change(ctx context.Context, home *quantumjob.Home, client *braket.Client, device string, limits []braket.SpendingLimit) error {
	if x.Remove {
		for _, l := range limits {
			if err := client.DeleteSpendingLimit(ctx, l.ARN); err != nil {
				return err
			}
		}
		return nil
	}
	limit, err := amount("limit", x.Amount)
	if err != nil {
		return err
	}
	key, err := home.Tokens()
	if err != nil {
		return err
	}
	attempt := int(time.Now().Unix()) // the same amount set again later is another intent
	if len(limits) == 0 {
		_, err = client.CreateSpendingLimit(ctx, device, limit, braket.LimitPeriod{}, key, attempt)
		return err
	}
	return client.UpdateSpendingLimit(ctx, limits[0].ARN, limit, braket.LimitPeriod{}, key, attempt)
}

func (x *quantumLimit) print(c console, device string, limits []braket.SpendingLimit) error {
	out := []limitOutput{}
	for _, l := range limits {
		out = append(out, limitOutput{l.ARN, l.DeviceARN, l.Limit.String(), l.Spent.String(), l.Queued.String(), l.From, l.To})
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	for _, l := range out {
		fmt.Fprintf(c.out, "%s: limit %s USD, spent %s, queued %s, from %s to %s\n", l.Device, l.LimitUSD, l.SpentUSD, l.QueuedUSD,
			l.From.Format(time.DateOnly), l.To.Format(time.DateOnly))
	}
	if len(out) == 0 {
		fmt.Fprintf(c.out, "%s: AWS holds no spending limit for this account\n", device)
	}
	return nil
}

// quantumCard is `qrsd quantum card`.
type quantumCard struct{}

// Run carries out the command.
func (quantumCard) Run(c console) error {
	fmt.Fprint(c.out, quantum.ModelCard())
	return nil
}
