package web

import "reflect"

// ReplyOf is the type of an operation's reply.
func ReplyOf(operation string) reflect.Type {
	for _, r := range routes() {
		if r.Operation == operation {
			return reflect.ValueOf(r.endpoint).Elem().FieldByName("handle").Type().Out(0)
		}
	}
	return nil
}
