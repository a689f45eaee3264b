package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// quantumRoutes are the quantum estimates of runs, and the record of what left for them.
func quantumRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: api + "/runs/{id}/estimate", Operation: "getRunEstimate", Access: Permitted, Verb: "run.read"}, do((*Server).getRunEstimate)},
		{Route{Method: "GET", Path: api + "/egress", Operation: "listEgress", Access: Permitted, Verb: "estimate.read"}, do((*Server).listEgress)},
	}
}

// Of a run's result: the role of the estimate's file, and how much of one is read.
const (
	estimateRole = "estimate"
	maxEstimate  = 64 << 20
)

// getRunEstimate gives the estimate that was made with the run, as its file has it: it is among what was sealed.
func (s *Server) getRunEstimate(ctx context.Context, c *Call, in byID) (out wire.RunEstimate, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	all, err := w.Finished(ctx, func(f workspace.File) bool { return f.Role == estimateRole }, in.ID)
	if err != nil {
		return out, err
	}
	run := all[0]
	defer func() { err = errors.Join(err, run.Close()) }()
	for _, f := range run.Result.Files {
		if from := run.File(f.Name); from != nil {
			text, err := readReport(from)
			if err != nil {
				return out, fmt.Errorf("%s of run %s: %w", f.Name, in.ID, err)
			}
			return wire.RunEstimate{Run: in.ID.String(), File: f.Name, SHA256: f.Blob.Digest.String(), Report: text}, nil
		}
	}
	return out, fmt.Errorf("a quantum estimate of run %s: %w", in.ID, store.ErrNotFound) // the reading is entered already
}

func readReport(from io.Reader) (json.RawMessage, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxEstimate+1))
	if err == nil && (len(text) > maxEstimate || !json.Valid(text)) {
		err = errors.New("it is no report of an estimate")
	}
	return text, err
}

// listEgress lists what left for the tenant and what came back, oldest first. Each part is verified from the line before it on: a line
// that was changed is an error, not a line.
func (s *Server) listEgress(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (page wire.Page[wire.EgressEntry], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return page, err
	}
	after := uint64(0)
	if in.Cursor != "" {
		if after, err = readNumber(in.Cursor); err != nil {
			return page, err
		}
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	all, more, err := w.EgressPage(ctx, after, min(limit, workspace.MaxEgressPage))
	if err != nil {
		return page, err
	}
	for _, e := range all {
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			return page, fmt.Errorf("line %d of the egress record: %w", e.Number, err)
		}
		page.Items = append(page.Items, wire.EgressEntry{
			Number: int64(e.Number), Time: at, Kind: e.Kind, ID: string(e.ID), Purpose: e.Purpose, Destination: e.Destination, Bytes: base64.StdEncoding.EncodeToString(e.Bytes),
			SHA256: e.SHA256, Failure: e.Failure, Previous: e.Previous, Hash: e.Hash,
		})
	}
	next := ""
	if more {
		next = numberCursor(all[len(all)-1].Number)
	}
	return pageOf(c, page.Items, next, func(e wire.EgressEntry) wire.EgressEntry { return e }), nil
}
