package web

// StreamsOfOne is how many streams of events one user may have.
const StreamsOfOne = streamsOfOne
