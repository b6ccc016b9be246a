package ec2

import "context"

// EndsUnrenewed reports whether the client uses temporary credentials that nothing renews: keys with a session token
// from an earlier step, or a role that was assumed with such keys. The SDK renews the credentials of its own sources
// (roles of instances and containers, profiles).
func (c *Client) EndsUnrenewed(ctx context.Context) bool {
	if c.session != nil {
		return c.session.role.Chained
	}
	if c.cfg.Credentials == nil {
		return false
	}
	keys, err := c.cfg.Credentials.Retrieve(ctx)
	return err == nil && keys.SessionToken != "" && !keys.CanExpire
}
