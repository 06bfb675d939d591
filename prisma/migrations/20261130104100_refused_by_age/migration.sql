-- By hand: whom Mailchimp refuses, the longest refused first. `since` is always written as the same kind of text.
CREATE INDEX audience_contacts_refused_since ON audience_contacts ((refusal->>'since'), subscriber_id)
 WHERE refusal IS NOT NULL;
