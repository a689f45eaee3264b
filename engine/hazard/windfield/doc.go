// Package windfield computes the wind a hurricane brings to the ground: peak 3-second gust
// in open terrain (roughness length 0.03 m) at 10 m, by place and event. The gust is that
// of the moment of the strongest mean wind: where the wind then comes off the land, a slightly weaker wind off the sea
// before or after may bring a gust that is higher, by 9 % at the most, and is missed.
//
// It holds the gradient wind (Holland's profile with Georgiou's asymmetry), its reduction to the
// surface, the gust factor with the transition from sea to land, and the search for the peak in
// time over many places at once. It knows no terrain beyond open: the vulnerability curves
// contain roughness, and applying it twice would be wrong. Tracks come from package hazard.
//
// Begin with Profile in profile.go, then Footprint in footprint.go.
package windfield
