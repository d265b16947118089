-- What a tree over all properties knows of each (src/metadata/order-trees.ts): a word for its name and value. By hash, because words
-- of a text search have a greatest length; two that share one are told apart by the rows themselves.
CREATE FUNCTION property_word(name text, value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN to_hex(hashtext(name || '=' || value));

-- A property that is null has none.
CREATE FUNCTION property_words(properties jsonb) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT array_to_tsvector(coalesce(array_agg(property_word(p.key, p.value)) FILTER (WHERE p.value IS NOT NULL), '{}'))
    FROM jsonb_each_text(properties) AS p);
