package web

// HeadFault says what is wrong with the lines of a head, before fasthttp is asked.
func HeadFault(head string) string { return headFault([]byte(head)) }
