package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

const (
	usualPage   = 100
	largestPage = 1000
)

// pageSize is how many items a list gives at once: what the query's limit says.
func pageSize(limit *int) (int, error) {
	switch {
	case limit == nil:
		return usualPage, nil
	case *limit < 1 || *limit > largestPage:
		return 0, badParameter("limit", fmt.Sprintf("%d is not between 1 and %d", *limit, largestPage))
	}
	return *limit, nil
}

// pageOf makes a part of a list, and the header that leads to the next.
func pageOf[From, To any](c *Call, all []From, next string, view func(From) To) wire.Page[To] {
	c.Next(next)
	return wire.Page[To]{Items: viewed(all, view), NextCursor: next}
}

// ofPage is the input of a list.
type ofPage struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}

// listOf is a part of a list of the caller's workspace.
func listOf[From, To any](ctx context.Context, s *Server, c *Call, in ofPage,
	list func(*workspace.Workspace, context.Context, store.Cursor, int) (store.Page[From], error), view func(store.Record[From]) To,
) (none wire.Page[To], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return none, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return none, err
	}
	all, err := list(w, ctx, store.Cursor(in.Cursor), limit)
	if err != nil {
		return none, err
	}
	return pageOf(c, all.Records, string(all.Next), view), nil
}

// viewed turns each into its JSON shape; of none it makes an empty array, not null.
func viewed[From, To any](all []From, view func(From) To) []To {
	out := make([]To, 0, len(all))
	for _, one := range all {
		out = append(out, view(one))
	}
	return out
}

// tenantOr is the tenant that the query names, or the caller's own. Whether it may work there says the store, to whom another's
// is not to be found.
func (c *Call) tenantOr(named *store.ID) store.ID {
	if named != nil {
		return *named
	}
	return c.Principal.Tenant()
}

// numberCursor writes a place in a list that is counted, readNumber reads it. Clients are to treat it as opaque, so it does
// not look like a number.
func numberCursor(n uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("n" + strconv.FormatUint(n, 10)))
}

func readNumber(cursor string) (uint64, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(text) > 1 && text[0] == 'n' {
		if n, err := strconv.ParseUint(string(text[1:]), 10, 53); err == nil && numberCursor(n) == cursor {
			return n, nil
		}
	}
	return 0, badParameter("cursor", fmt.Sprintf("%q is not one that this list gave", clipped(cursor)))
}

// moment is a time as JSON has it, nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// momentOf is moment of a time that may be missing.
func momentOf(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return moment(*t)
}
