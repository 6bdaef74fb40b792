package transport

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNanos(t *testing.T) {
	require.Zero(t, Nanos(time.Time{}))
	require.True(t, Time(0).IsZero())
	require.Greater(t, Clock(), int64(time.Second-1))

	now := time.Now()
	at := now.Add(time.Hour)
	require.Equal(t, int64(time.Hour), Nanos(at)-Nanos(now))
	require.Equal(t, Nanos(at), Nanos(Time(Nanos(at))))
	require.InDelta(t, Nanos(at), Nanos(at.Round(0)), float64(time.Minute), "what the wall clock alone says is as far away")
	require.InDelta(t, Clock(), Nanos(now), float64(time.Minute))

	const last = 1 << 62
	for _, long := range []time.Duration{math.MaxInt64, 200 * 365 * 24 * time.Hour} {
		require.EqualValues(t, last, Nanos(now.Add(long)))
		require.EqualValues(t, last, Nanos(now.Round(0).Add(long)))
	}
	require.EqualValues(t, last, Nanos(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	require.Greater(t, time.Until(Time(last)), 80*365*24*time.Hour)
	for _, past := range []time.Time{
		time.Unix(0, 0), time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC), now.Add(math.MinInt64), now.Add(-100 * 365 * 24 * time.Hour),
	} {
		require.EqualValues(t, 1, Nanos(past), past)
	}
}

func TestPassed(t *testing.T) {
	for _, past := range []time.Time{time.Now(), time.Now().Round(0), time.Unix(1, 0), time.Now().Add(-time.Hour)} {
		require.True(t, Passed(Nanos(past)), past)
	}
	for _, ahead := range []time.Time{{}, time.Now().Add(time.Hour), time.Now().Round(0).Add(time.Hour), time.Now().Add(math.MaxInt64)} {
		require.False(t, Passed(Nanos(ahead)), ahead)
	}
}
