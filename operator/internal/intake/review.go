package intake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Audience is whom tokens must be for: one that was made for the API server is of no use here, and the other way round.
const Audience = "stability"

// Keys under which a TokenReview says which pod a token is bound to.
const (
	podName = "authentication.kubernetes.io/pod-name"
	podUID  = "authentication.kubernetes.io/pod-uid"
)

// remembered is how long a token is believed without asking again: a pod that is gone may speak for so long.
const (
	remembered    = time.Minute
	maxRemembered = 10_000
)

// TokenReviewer asks the API server. Make one with NewTokenReviewer.
type TokenReviewer struct {
	create func(ctx context.Context, review *authenticationv1.TokenReview) error
	mu     sync.Mutex
	known  map[[sha256.Size]byte]known
}

type known struct {
	sender Sender
	until  time.Time
}

// NewTokenReviewer returns a reviewer that creates TokenReviews by the given call.
func NewTokenReviewer(create func(context.Context, *authenticationv1.TokenReview) error) *TokenReviewer {
	return &TokenReviewer{create: create, known: make(map[[sha256.Size]byte]known)}
}

// Review tells who a token belongs to. Only valid ones are remembered, by their hash.
func (t *TokenReviewer) Review(ctx context.Context, token string) (Sender, error) {
	key := sha256.Sum256([]byte(token))
	t.mu.Lock()
	k, ok := t.known[key]
	t.mu.Unlock()
	if ok && time.Now().Before(k.until) {
		return k.sender, nil
	}
	review := &authenticationv1.TokenReview{ObjectMeta: metav1.ObjectMeta{}, Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{Audience}}}
	if err := t.create(ctx, review); err != nil {
		return Sender{}, fmt.Errorf("intake: asking who a token belongs to: %w", err)
	}
	sender, err := senderOf(review.Status)
	if err != nil {
		return Sender{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxRemembered {
		clear(t.known)
	}
	t.known[key] = known{sender, time.Now().Add(remembered)}
	return sender, nil
}

func senderOf(status authenticationv1.TokenReviewStatus) (Sender, error) {
	account, ok := strings.CutPrefix(status.User.Username, "system:serviceaccount:")
	namespace, name, cut := strings.Cut(account, ":")
	ours := false
	for _, a := range status.Audiences {
		ours = ours || a == Audience
	}
	if !status.Authenticated || !ours || !ok || !cut {
		return Sender{}, ErrToken
	}
	s := Sender{Namespace: namespace, ServiceAccount: name}
	if v := status.User.Extra[podName]; len(v) == 1 {
		s.Pod = v[0]
	}
	if v := status.User.Extra[podUID]; len(v) == 1 {
		s.PodUID = v[0]
	}
	return s, nil
}
