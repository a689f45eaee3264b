package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
)

// auditCommand is `qrsd audit`.
type auditCommand struct {
	List   auditList   `cmd:"" help:"List entries of the audit log."`
	Export auditExport `cmd:"" help:"Write the audit log into a file that can be verified without the store."`
	Verify auditVerify `cmd:"" help:"Verify all logs of the store from every stored byte, or an export."`
	Prove  auditProve  `cmd:"" help:"Prove that an entry is in the audit log, against a signed checkpoint."`
}

// Help is shown by `qrsd audit --help`.
func (auditCommand) Help() string {
	return `Without --tenant the appliance's own log is meant, which is for whoever unlocks the store. With --tenant it is the tenant's, which is
for users of the tenant: give --user, or an API key in QRSD_API_KEY.`
}

// auditList is `qrsd audit list`.
type auditList struct {
	storeFlags
	tenantFlags
	From    string `placeholder:"TIME" help:"From this date or time on."`
	To      string `placeholder:"TIME" help:"Before this date or time."`
	Actor   string `placeholder:"WHO" help:"Id of a user, operator, or qrsd for the appliance itself."`
	Action  string `placeholder:"VERB" help:"What was done, such as tenant.add, or an area, such as tenant."`
	Object  string `placeholder:"ID" help:"What it was done to."`
	Outcome string `enum:",done,denied,failed,intent" default:"" help:"How it ended: done, denied, failed or intent."`
	After   int64  `default:"-1" placeholder:"SEQUENCE" help:"Only entries after this one, to go on with a list."`
	Before  int64  `default:"-1" placeholder:"SEQUENCE" help:"Only entries before this one, to go on with a list of the newest."`
	Limit   int    `default:"100" help:"At most so many entries, 1 to 10,000."`
	Newest  bool   `help:"The last ones, newest first."`
	JSON    bool   `help:"Print the entries as JSON."`
}

// Run carries out the command.
func (x *auditList) Run(ctx context.Context, c console) (err error) {
	q, err := x.query()
	if err != nil {
		return err
	}
	t, leave, err := openTenant(ctx, c, x.storeFlags, x.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	all, err := t.Audit(ctx, q)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, append([]store.Read{}, all...))
	}
	printEntries(c.out, all)
	if _, more := q.Next(lastOf(all)); more && len(all) == x.Limit {
		fmt.Fprintf(c.err, "%s shown; there may be more: raise --limit", countedEntries(int64(len(all))))
		if last := lastOf(all).Sequence; x.Newest {
			fmt.Fprintf(c.err, ", or go on with --before %d", last)
		} else {
			fmt.Fprintf(c.err, ", or go on with --after %d", last)
		}
		fmt.Fprintln(c.err)
	}
	return nil
}

// lastOf is the entry that a list ended with.
func lastOf(all []store.Read) (e store.Entry) {
	if len(all) > 0 {
		e = all[len(all)-1].Entry
	}
	return e
}

func (x *auditList) query() (q store.Query, err error) {
	q = store.Query{Actor: x.Actor, Action: x.Action, Object: x.Object, Outcome: store.Outcome(x.Outcome), Limit: x.Limit, Newest: x.Newest}
	if x.Limit < 1 || x.Limit > 10000 {
		return q, &runner.ErrUsage{Reason: fmt.Sprintf("limit %d: must be 1 to 10000", x.Limit)}
	}
	q.First = max(0, x.After+1)
	if x.Before == 0 || x.Before < -1 || x.After < -1 {
		return q, &runner.ErrUsage{Reason: "--after and --before: entries begin at 0, and none is before it"}
	}
	q.Before = max(0, x.Before)
	if x.Object != "" {
		id, err := store.ParseID(x.Object)
		if err != nil {
			return q, &runner.ErrUsage{Reason: "--object: " + err.Error()}
		}
		q.Object = id.String()
	}
	if q.From, err = when("--from", x.From); err != nil {
		return q, err
	}
	q.To, err = when("--to", x.To)
	return q, err
}

func printEntries(w io.Writer, all []store.Read) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "entry\ttime\tactor\trole\taction\toutcome\tobject\twhat")
	for _, e := range all {
		actor := e.Actor
		if e.Person != nil && e.Person.Account != "" {
			actor += " (" + printableText(e.Person.Account) + ")"
		}
		role := ""
		if e.Role != 0 {
			role = e.Role.String()
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Sequence, e.Time.UTC().Format("2006-01-02T15:04:05Z"), actor, role, e.Action,
			e.Outcome, e.Object, whatOf(e.Entry))
	}
	t.Flush()
}

// whatOf says in a few words what an entry tells besides.
func whatOf(e store.Entry) string {
	var parts []string
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	if n := len(e.Changes); n > 0 {
		parts = append(parts, counted(n, "record")+" written")
	}
	for _, k := range e.Keys {
		parts = append(parts, k.Kind+" "+k.Of)
	}
	if n := len(e.Lineage); n > 0 {
		parts = append(parts, fmt.Sprintf("ledger %v", e.Lineage))
	}
	if n := len(e.Heads); n > 0 {
		parts = append(parts, counted(n, "head")+" of logs")
	}
	if e.Clock != nil {
		parts = append(parts, "the clock had gone back")
	}
	return strings.Join(parts, ", ")
}

// auditExport is `qrsd audit export`.
type auditExport struct{ exportFlags }

// Run carries out the command.
func (x *auditExport) Run(ctx context.Context, c console) error {
	return x.export(ctx, c, store.AuditLog)
}

// auditVerify is `qrsd audit verify`.
type auditVerify struct{ verifyFlags }

// Help is shown by `qrsd audit verify --help`.
func (auditVerify) Help() string {
	return `Each leaf is hashed anew from its stored bytes, names its predecessor and fits its commitment; every hash of the tree follows from the
leaves; every checkpoint is signed and fits. Exit code 3 with the first bad entry of each log. For the operator, all tenants.`
}

// Run carries out the command.
func (x *auditVerify) Run(ctx context.Context, c console) error {
	return x.verify(ctx, c, store.AuditLog)
}

// auditProve is `qrsd audit prove`.
type auditProve struct{ proveFlags }

// Run carries out the command.
func (x *auditProve) Run(ctx context.Context, c console) error {
	return x.prove(ctx, c, store.AuditLog)
}
