"""RabbitMQ through pika: a link that keeps itself up, a publisher with confirms in flight, and deliveries."""
