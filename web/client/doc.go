// Package client calls the API of a qrsd appliance: one method for each operation of openapi.yaml, on the shapes of web/wire.
//
// It holds a session or an API key, asks again where an answer says that it may be asked again, walks lists to their end, and
// turns problems into errors of type *Problem. It opens no connection of its own: the http.Client it is given does,
// in the product the one of internal/outbound, which keeps to the host's mode and list. It keeps nothing on disk, and knows
// neither server nor store.
//
// # Names
//
// A method has the name of its operation, without the "get" or "list" in front: listUsers is Users. Lists are iterators,
// which ask for the next part when it is needed:
//
//	for user, err := range c.Users(ctx, "") {
//		if err != nil {
//			return err
//		}
//		fmt.Println(user.Email)
//	}
//
// Lists whose answers say more than their items (RunMetrics, RunEvents, RunTable, Models) are asked for part by part: see Part.
//
// # Files
//
// Exposure is read as it is sent, and results are written as they come; nothing is held in memory, and both tell how far they are (Progress).
//
// # Events
//
// StreamEvents listens to what becomes of the tenant's runs and asks again where a connection breaks off; FollowRun follows one run to its seal.
//
// # Once
//
// What makes something is sent with an Idempotency-Key of its own, so that asking again makes nothing twice. What reads, and what is
// sent with such a key, is asked again when the appliance says that it is busy or that there were too many requests (503, 429), after the
// time it names. Nothing else is ever sent twice.
//
// Begin with New, then Client.SignIn or Options.APIKey.
package client
