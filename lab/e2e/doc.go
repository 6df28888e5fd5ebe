// Package e2e tries the library on real dependencies: PostgreSQL through pgx, Redis, the payment service as a process,
// and other people's libraries, each in a version with a known bug and in one in which it is mended.
//
// It has tests only, behind the build tag e2e. make e2e runs them beside a PostgreSQL and a Redis which run.sh starts.
package e2e
