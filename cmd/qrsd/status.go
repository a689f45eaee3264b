package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/qrsrisk/qrsd/store"
)

// statusCommand is `qrsd status`.
type statusCommand struct {
	storeFlags
	Logs bool `help:"Also show where every log stands and how far it is signed. Needs the key."`
	JSON bool `help:"Print the state as JSON."`
}

// Help is shown by `qrsd status --help`.
func (statusCommand) Help() string {
	return `Works on a locked store, and never asks: it shows more where the key is kept (qrsd unlock) or named (--key-file and its like).`
}

// storeStatus is `qrsd status --json`: the state, with the slots in their JSON form.
type storeStatus struct {
	store.Status
	Slots []slotOutput    `json:"slots"`
	Logs  []store.LogHead `json:"logs,omitempty"`
}

// Run carries out the command.
func (x *statusCommand) Run(ctx context.Context, c console) (err error) {
	db, err := x.open(c)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	if err := x.unlockSilently(ctx, c, db); err != nil {
		return err
	}
	by := operator()
	s, err := db.Status(ctx, by)
	if err != nil {
		return err
	}
	out := storeStatus{Status: s, Slots: slotOutputs(s.Slots)}
	if x.Logs {
		if out.Logs, err = db.Heads(ctx, by); err != nil {
			return err
		}
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	printStoreStatus(c.out, x.Store, out)
	return nil
}

// unlockSilently unlocks where that needs nobody; a key that is named and does not fit is an error.
func (x *statusCommand) unlockSilently(ctx context.Context, c console, db *store.DB) error {
	err := db.UnlockKept(ctx, operator())
	if err == nil || !isNotKept(err) {
		return err
	}
	u, err := x.silent(ctx, c)
	if errors.Is(err, errNoWay) {
		return nil
	}
	if err != nil {
		return err
	}
	return db.Unlock(ctx, operator(), u)
}

func printStoreStatus(w io.Writer, dir string, s storeStatus) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", values...) }
	row("store", "%s, %s, format %d", dir, map[bool]string{true: "locked", false: "unlocked"}[s.Locked], s.Format)
	row("installation", "%s, made %s", s.Install, minute(s.Created))
	row("database", "%s, %s of it free", bytesInWords(s.Database.Size), bytesInWords(s.Database.Free))
	row("key file", "%s, generation %d", bytesInWords(s.KeyFile), s.Generation)
	row("disk", "%s", diskInWords(s.Status))
	row("anchor", "%s", anchorInWords(s.Status))
	row("tenants", "%d, and %d erased", s.Tenants, s.Erased)
	if !s.Locked {
		row("rotations due", "%d", s.RotationDue)
		row("audit log", "%s of the appliance", countedEntries(s.AuditSize))
	}
	t.Flush()
	printSlots(w, s.Status.Slots)
	if len(s.Logs) > 0 {
		printHeads(w, s.Logs)
	}
}

// printSlots says how the store is unlocked.
func printSlots(w io.Writer, slots []store.Slot) {
	fmt.Fprintln(w, "unlocked by")
	for _, s := range slots {
		line := "    " + s.Method
		if s.Reference != "" {
			line += " " + s.Reference
		}
		fmt.Fprintf(w, "%s, since %s\n", line, minute(s.Created))
	}
}

func slotOutputs(slots []store.Slot) []slotOutput {
	out := make([]slotOutput, len(slots))
	for i, s := range slots {
		out[i] = newSlotOutput(s)
	}
	return out
}

func newSlotOutput(s store.Slot) slotOutput {
	return slotOutput{hex.EncodeToString(s.ID[:]), s.Method, s.Reference, s.Created}
}

func diskInWords(s store.Status) string {
	text := bytesInWords(s.DiskFree) + " free"
	if s.ReadOnly {
		return text + ": nearly full, changes are refused until there is more"
	}
	if !s.Ballast {
		text += ", no ballast held back"
	}
	return text
}

func anchorInWords(s store.Status) string {
	switch {
	case s.Anchored.IsZero():
		return "none yet"
	case s.AtRest:
		return "checkpoint of " + minute(s.Anchored) + ", last locked in order"
	case s.Locked:
		return "checkpoint of " + minute(s.Anchored) + "; the store was not locked in order, which the next unlock puts right"
	}
	return "checkpoint of " + minute(s.Anchored)
}

func printHeads(w io.Writer, heads []store.LogHead) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ntenant\tlog\tleaves\tsigned\tat\troot")
	for _, h := range heads {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", tenantInWords(h.Tenant), h.Log, h.Size, h.Signed, minute(h.SignedAt), h.Root)
	}
	t.Flush()
}

// tenantInWords is a tenant's id, or the appliance.
func tenantInWords(id store.ID) string {
	if id == store.Appliance {
		return "the appliance"
	}
	return id.String()
}

// printableText keeps what a user named from moving the cursor of whoever reads it.
func printableText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// minute is a time as tables show it, in UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// bytesInWords is a size in the unit that fits.
func bytesInWords(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, unit := float64(n), 0
	for ; v >= 1024 && unit+1 < len(units); unit++ {
		v /= 1024
	}
	if unit == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}

// countedEntries is "1 entry" or "n entries".
func countedEntries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return grouped(float64(n)) + " entries"
}
