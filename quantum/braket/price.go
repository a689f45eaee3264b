package braket

import (
	"fmt"
	"math/big"
	"strings"
)

// USD is an amount of US dollars in millionths, so that prices and budgets add up exactly.
type USD int64

const (
	dollar USD = 1_000_000

	// taskFee is charged for every task on hardware, none on simulators: https://aws.amazon.com/braket/pricing/ (read 2026-11-21).
	// GetDevice does not state it.
	taskFee = 300_000

	// simulatedTime is what is quoted for a task on a simulator, which is billed by the time it takes: circuits of at most
	// nine qubits take far less than a minute.
	simulatedTime = 1 // minute
)

// ParseUSD reads a decimal amount such as "0.08" and rounds it up to a millionth.
func ParseUSD(text string) (USD, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok || strings.Contains(text, "/") || len(text) > 32 || r.Sign() < 0 {
		return 0, fmt.Errorf("amount %q: must be a decimal number of US dollars, not negative", text)
	}
	r.Mul(r, big.NewRat(int64(dollar), 1))
	up, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		up.Add(up, big.NewInt(1))
	}
	if !up.IsInt64() {
		return 0, fmt.Errorf("amount %q: is too large", text)
	}
	return USD(up.Int64()), nil
}

// String is the amount with two decimals, more where needed: "120.90", "0.075".
func (u USD) String() string {
	sign := ""
	if u < 0 {
		sign, u = "-", -u
	}
	decimals := strings.TrimRight(fmt.Sprintf("%06d", u%dollar), "0")
	for len(decimals) < 2 {
		decimals += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, u/dollar, decimals)
}

// cents is the amount rounded up to whole cents, as spending limits are written: "120.90".
func (u USD) cents() string {
	c := (u + dollar/100 - 1) / (dollar / 100)
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}

// Quote is what tasks will cost at most, by the price that the device stated.
type Quote struct {
	// DeviceARN and CapabilitiesSHA256 say which statement of which device it was computed from.
	DeviceARN          string `json:"device_arn"`
	CapabilitiesSHA256 string `json:"capabilities_sha256"`

	// Tasks and Shots are counted over all programs; each task pays TaskFee, each unit Price.
	Tasks int    `json:"tasks"`
	Shots int    `json:"shots"`
	Unit  string `json:"unit"` // "shot" or "minute"

	// TaskFee and Price are what one task and one unit cost, in millionths of a US dollar.
	TaskFee USD `json:"task_fee_microdollars"`
	Price   USD `json:"price_microdollars"`

	// Total is the amount to confirm, in millionths of a US dollar. By the minute it supposes one for each task.
	Total USD `json:"total_microdollars"`
}

// Quote computes what the programs cost. It refuses a unit of price that it does not know.
func (d *Device) Quote(programs ...Program) (Quote, error) {
	q := Quote{DeviceARN: d.ARN, CapabilitiesSHA256: d.SHA256, Tasks: len(programs), Unit: d.PriceUnit, Price: d.Price}
	for _, p := range programs {
		if p.Shots < 1 {
			return Quote{}, fmt.Errorf("quote: shots %d: must be at least 1", p.Shots)
		}
		q.Shots += p.Shots
	}
	var units int
	switch d.PriceUnit {
	case "shot":
		q.TaskFee, units = taskFee, q.Shots
	case "minute":
		units = q.Tasks * simulatedTime
	default:
		return Quote{}, fmt.Errorf("quote: device %s is priced by the %q; only shot and minute are known", d.ARN, d.PriceUnit)
	}
	total := new(big.Int).Mul(big.NewInt(int64(q.Price)), big.NewInt(int64(units)))
	total.Add(total, new(big.Int).Mul(big.NewInt(int64(q.TaskFee)), big.NewInt(int64(q.Tasks))))
	if !total.IsInt64() {
		return Quote{}, fmt.Errorf("quote: %d shots cost more than can be counted", q.Shots)
	}
	q.Total = USD(total.Int64())
	return q, nil
}

// PriceError refuses to spend.
type PriceError struct {
	// Quote is what it would cost; Limit what was confirmed, or is left of the budget.
	Quote, Limit USD

	// Of says which limit it is.
	Of string
}

// Error names both amounts.
func (e *PriceError) Error() string {
	return fmt.Sprintf("the task costs %v USD, and %s is %v USD: nothing was sent", e.Quote, e.Of, e.Limit)
}
