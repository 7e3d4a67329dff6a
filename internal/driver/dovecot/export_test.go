package dovecot

// PostfixQueries are the look-ups of Postfix.
var PostfixQueries = postfixQueries
