"""What Framebus says: topics, headers, messages, the embedding space and the Milvus collection, as data."""
