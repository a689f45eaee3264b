package runner

// InHand is how many runs are carried out at this moment.
func (q *Queue) InHand() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.inHand)
}
