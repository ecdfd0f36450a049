namespace OrleansLLM.Cluster.Tests.Clustering;

public sealed class ClusteringTests
{
    [Theory]
    [InlineData("local", null, "local")]
    [InlineData("file:/var/lib/orleansllm", null, "file:/var/lib/orleansllm")]
    [InlineData("file:silos", null, "file:silos")]
    [InlineData("redis", "127.0.0.1:6379,password=secret", "redis")]
    [InlineData("postgres", "Host=127.0.0.1;Password=secret", "postgres")]
    public void A_store_is_read_and_never_written_with_its_password(string text, string? connection, string written)
    {
        Assert.True(OrleansLLM.Cluster.Clustering.TryParse(text, connection, out var clustering, out _));
        Assert.Equal(written, clustering.ToString());
    }

    [Theory]
    [InlineData("redis", null, "--clustering redis needs --clustering-connection, such as '127.0.0.1:6379'.")]
    [InlineData("postgres", " ", "--clustering postgres needs --clustering-connection, such as 'Host=127.0.0.1;Database=orleansllm;Username=orleansllm;Password=...'.")]
    [InlineData("local", "x", "--clustering-connection is for redis and postgres: leave it out, or give one of them instead of --clustering local.")]
    [InlineData("file:a", "x", "--clustering-connection is for redis and postgres: leave it out, or give one of them instead of --clustering file:a.")]
    [InlineData("file:", null, "--clustering file: needs the path of a folder, such as file:/var/lib/orleansllm.")]
    [InlineData("zookeeper", null, "--clustering takes local, file:PATH, redis or postgres, not 'zookeeper'.")]
    public void What_can_not_be_is_told_with_what_would_do(string text, string? connection, string problem)
    {
        Assert.False(OrleansLLM.Cluster.Clustering.TryParse(text, connection, out _, out var found));
        Assert.Equal(problem, found);
    }
}
