package benchlab

// PendingSignoff is what a claim about a model's figures reads as long as no independent laboratory has signed for them.
const PendingSignoff = "pending independent K=30 signoff"

// Signoff is what is known of a release's meta-seal, as its verification found it.
type Signoff struct {
	Plan           string // digest of the plan that the meta-seal binds
	Report         string // digest of the report that it binds
	Countersigned  bool   // a counter-signature is there and verifies with a key that is trusted and not the maker's
	Countersigners []string
}

// Standing says what may be said of the figures of an evaluation whose report has the given digest: PendingSignoff, or
// who signed. It takes a sign-off only for this plan and this report, of a plan that is for sign-off, with every check
// passed; a nil signoff is none. No text that somebody writes decides this.
func Standing(e *Evaluation, report string, s *Signoff) string {
	if s == nil || !s.Countersigned || len(s.Countersigners) == 0 || !e.ForSignoff || !e.Passed || s.Plan != e.Plan || s.Report != report {
		return PendingSignoff
	}
	words := "independent K=30 signoff by " + s.Countersigners[0]
	for _, other := range s.Countersigners[1:] {
		words += " and " + other
	}
	return words
}
