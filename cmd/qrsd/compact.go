package main

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
)

// compactCommand is `qrsd compact`.
type compactCommand struct {
	storeFlags
	JSON bool `help:"Print the sizes before and after as JSON."`
}

// Help is shown by `qrsd compact --help`.
func (compactCommand) Help() string {
	return `Happens by itself where more than half of a large database is free, and at the end of every erasure. It needs as much free disk as
the database holds.`
}

// compactOutput is `qrsd compact --json`; sizes in bytes.
type compactOutput struct {
	Before store.FileState `json:"before"`
	After  store.FileState `json:"after"`
}

// Run carries out the command.
func (x *compactCommand) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	before, after, err := db.Compact(ctx, operator())
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, compactOutput{before, after})
	}
	fmt.Fprintf(c.out, "the database has %s, it had %s\n", bytesInWords(after.Size), bytesInWords(before.Size))
	return nil
}
