// Package reference reads the description of the API (openapi.yaml, OpenAPI 3.1) and draws it: as JSON for programs, and as a page for
// people, which needs no script and nothing from elsewhere.
//
// It holds what of OpenAPI our own description uses, and refuses what it does not know, so that nothing is written there and shown
// nowhere. It does not say whether the description is true: the contract test of package web does. It knows no requests and no server;
// who may do what is handed in.
//
// Begin with Parse, then Description.Page.
package reference
