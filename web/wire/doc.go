// Package wire holds the JSON shapes of the API, shared by the server (web) and its client (web/client).
//
// It has types and nothing else: no rule about them, no server, no store. Ids are 32 hexadecimal digits, times RFC 3339 in
// UTC, and a field that has no value is left out. Secrets stand in shapes as plain text because they are sent once; the server
// puts them into a directory.Secret as soon as they are read.
//
// Begin with Problem.
package wire
