package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/web/wire"
)

// list walks a list to its end, part by part. It ends with the first error.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next := url.Values{}
		for name, values := range query {
			next[name] = values
		}
		for {
			page, err := call[wire.Page[T]](ctx, c, request{method: http.MethodGet, path: path, query: next})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == "" {
				return
			}
			next.Set("cursor", page.NextCursor)
		}
	}
}

// ofTenant names a tenant for an operator; "" is the caller's own.
func ofTenant(tenant string) url.Values {
	if tenant == "" {
		return nil
	}
	return url.Values{"tenant": {tenant}}
}
