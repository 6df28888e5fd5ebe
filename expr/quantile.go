package expr

import (
	"slices"
)

// quantile returns the value below which a share of the values lies, linear between neighbors. It reorders values.
// NaN among them makes the result NaN.
func quantile(values []float64, share float64) float64 {
	for _, v := range values {
		if v != v {
			return v
		}
	}
	at := share * float64(len(values)-1)
	k := int(at)
	low := selectNth(values, k)
	part := at - float64(k)
	if part == 0 || k+1 == len(values) {
		return low
	}
	next := slices.Min(values[k+1:])
	if low == next { // also when both are infinite
		return low
	}
	return low + part*(next-low)
}

// selectNth moves the k-th smallest value to its place, all smaller or equal before it, and returns it. It takes
// linear time on average (Hoare 1961); the middle of three keeps sorted and constant input from being the worst case.
func selectNth(v []float64, k int) float64 {
	lo, hi := 0, len(v)-1
	for hi-lo > 12 {
		mid := lo + (hi-lo)/2
		if v[mid] < v[lo] {
			v[mid], v[lo] = v[lo], v[mid]
		}
		if v[hi] < v[lo] {
			v[hi], v[lo] = v[lo], v[hi]
		}
		if v[hi] < v[mid] {
			v[hi], v[mid] = v[mid], v[hi]
		}
		pivot := v[mid]
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	sortSmall(v[lo : hi+1])
	return v[k]
}

// sortSmall sorts by insertion: a few values, without allocating.
func sortSmall(v []float64) {
	for i := 1; i < len(v); i++ {
		x := v[i]
		j := i
		for ; j > 0 && v[j-1] > x; j-- {
			v[j] = v[j-1]
		}
		v[j] = x
	}
}
