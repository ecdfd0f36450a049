namespace OrleansLLM.Cluster;

/// <summary>Calls of grains in other silos.</summary>
internal static class GrainCalls
{
    /// <summary>The answer, or <paramref name="unanswered"/> where the call fails, whatever its reason.</summary>
    public static async Task<T> TryAsync<T>(Func<Task<T>> call, T unanswered)
    {
        try
        {
            return await call();
        }
#pragma warning disable CA1031 // who can't be reached, or fails, has no answer
        catch (Exception)
#pragma warning restore CA1031
        {
            return unanswered;
        }
    }

    /// <summary>Whether the call was heard.</summary>
    public static Task<bool> TryAsync(Func<Task> call) => TryAsync(
        async () =>
        {
            await call();
            return true;
        },
        unanswered: false);
}
