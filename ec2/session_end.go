package ec2

import "context"

// EndsUnrenewed reports whether the client works with a session that ends and that nothing renews: keys with a session
// token, as an earlier step leaves them in the environment, or a role that was assumed with such keys. Of what the
// SDK's own sources hand out (an instance's or a container's role, a profile) the SDK knows the end, and renews it.
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
